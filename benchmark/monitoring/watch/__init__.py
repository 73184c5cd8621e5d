"""A run seen from outside: from its files alone, so also where its jobs run on other machines. Nothing is written."""
