"""exp, log, sine, cosine and the normal quantile, computed with exactly rounded operations only.

NumPy chooses its exp, log, sin and power by the CPU's features (SSE, AVX2, AVX-512), as the C library does for Python's
``math``, and their last bits differ between machines. IEEE 754 fixes every bit of addition, subtraction,
multiplication, division, square root and comparison. The functions here use only these, each as a separate ufunc, so
that no compiler fuses a multiplication with an addition.

For the same reason, this package never uses ``**`` with floats, ``np.sum`` or ``np.mean`` of floats, ``np.hypot``,
``@`` or ``np.linalg``, and sums weights with ``math.fsum``, which rounds once (the built-in ``sum`` of floats changed
in Python 3.12).
"""

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_LN2_HIGH = float.fromhex("0x1.62e42feep-1")  # 32 bits of ln 2, so that its product with an exponent is exact
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_INV_LN2 = float.fromhex("0x1.71547652b82fep+0")
_SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")
_HALF_PI = float.fromhex("0x1.921fb54442d18p+0")


_EXP_SERIES = [1.0 / math.factorial(n) for n in range(15)]
_SIN_SERIES = [(-1) ** (n // 2) / math.factorial(n) for n in range(1, 24, 2)]
_COS_SERIES = [(-1) ** (n // 2) / math.factorial(n) for n in range(0, 24, 2)]
_LOG_SERIES = [1.0 / (2 * k + 1) for k in range(12)]


def polynomial(coefficients: list[float], x: Array) -> Array:
    """Σ ``coefficients[k]`` · ``x``^k, by Horner's rule."""
    result = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result *= x
        result += coefficient
    return result


def exp(x: npt.ArrayLike) -> Array:
    """e^x; relative error below 1e-15 for -700 <= x <= 700, 0 below, error above.

    Raises:
        ValueError: a value is above 700.
    """
    x = np.atleast_1d(np.asarray(x, dtype=np.float64))
    if x.size and x.max() > 700.0:
        raise ValueError("exp overflows above 700")
    clipped = np.maximum(x, -700.0)
    k = np.rint(clipped * _INV_LN2)
    r = (clipped - k * _LN2_HIGH) - k * _LN2_LOW
    result = np.ldexp(polynomial(_EXP_SERIES, r), k.astype(np.int32))
    return np.where(x < -700.0, 0.0, result)


def log(x: npt.ArrayLike) -> Array:
    """Natural logarithm of positive numbers; relative error below 1e-15 away from 1, absolute near 1.

    Raises:
        ValueError: a value is not positive and finite.
    """
    x = np.atleast_1d(np.asarray(x, dtype=np.float64))
    if x.size and not (x.min() > 0.0 and x.max() < np.inf):
        raise ValueError("log needs positive, finite numbers")
    mantissa, exponent = np.frexp(x)
    small = mantissa < _SQRT_HALF
    mantissa = np.where(small, mantissa * 2.0, mantissa)
    k = (exponent - small).astype(np.float64)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    return k * _LN2_HIGH + (2.0 * s * polynomial(_LOG_SERIES, s * s) + k * _LN2_LOW)


def sin_cos(x: npt.ArrayLike) -> tuple[Array, Array]:
    """Sine and cosine of angles in radians, at most a quarter turn; absolute error below 1e-15.

    Raises:
        ValueError: an angle exceeds a quarter turn.
    """
    x = np.atleast_1d(np.asarray(x, dtype=np.float64))
    if x.size and np.abs(x).max() > _HALF_PI:
        raise ValueError("sin_cos takes angles of at most a quarter turn")
    square = x * x
    return x * polynomial(_SIN_SERIES, square), polynomial(_COS_SERIES, square)


# Rational approximations of the normal quantile: algorithm AS 241 (PPND16), M. J. Wichura, Applied Statistics 37(3):
# 477-484, 1988. Relative error about 1e-16.
_CENTRE = (
    [3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3],
    [1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
     3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3],
)  # fmt: skip
_MIDDLE = (
    [1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4],
    [1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9],
)  # fmt: skip
_TAIL = (
    [6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7],
    [1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
     1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15],
)  # fmt: skip


def _ratio(coefficients: tuple[list[float], list[float]], x: Array) -> Array:
    return polynomial(coefficients[0], x) / polynomial(coefficients[1], x)


def normal_quantile(p: Array) -> Array:
    """Quantile of the standard normal distribution for 0 < p < 1; relative error below 1e-14."""
    q = p - 0.5
    result = q * _ratio(_CENTRE, 0.180625 - q * q)
    outer = np.flatnonzero(np.abs(q) > 0.425)
    tail = np.minimum(p.ravel()[outer], 1.0 - p.ravel()[outer])
    r = np.sqrt(-log(tail))
    value = np.where(r <= 5.0, _ratio(_MIDDLE, r - 1.6), _ratio(_TAIL, r - 5.0))
    flat = result.reshape(-1)
    flat[outer] = np.where(q.ravel()[outer] < 0.0, -value, value)
    return flat.reshape(p.shape)
