// Browsers refuse workers to pages that are opened as files, so there the search runs in a hidden frame instead.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      // What a worker has and a frame has not; scripts are loaded one after the other.
      const prelude = `
        importScripts = (...urls) => urls.reduce((before, url) => before.then(() => new Promise((done, failed) => {
          const script = document.createElement("script");
          Object.assign(script, { src: url, onload: done, onerror: failed });
          document.head.append(script);
        })), Promise.resolve());
        postMessage = message => parent.dispatchEvent(new MessageEvent("message", { data: message, source: window }));`;
      this.loaded = new Promise(done => { this.frame.onload = done; });
      this.frame.srcdoc = `<script>${prelude}<\/script><script src="${url}"><\/script>`;
      document.body.append(this.frame);
      window.addEventListener("message", event => {
        if (event.source === this.frame.contentWindow)
          this.dispatchEvent(new MessageEvent("message", { data: event.data }));
      });
    }
    postMessage(message) {
      this.loaded.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data: message })));
    }
    terminate() {
      this.frame.remove();
    }
  };
}
