// What Home Assistant's frontend gives a panel and a card, as far as ours use it.

class Connection {
  connected = true;
  subscribed = [];
  #heard = new Map();

  addEventListener(name, listener) {
    this.#heard.set(name, new Set(this.#heard.get(name)).add(listener));
  }

  removeEventListener(name, listener) {
    this.#heard.get(name)?.delete(listener);
  }

  listeners() {
    return [...this.#heard.values()].reduce((sum, each) => sum + each.size, 0);
  }

  fire(name) {
    for (const listener of [...(this.#heard.get(name) ?? [])]) listener(this, name);
  }

  async subscribeMessage(tell, message) {
    if (stage.refusal) throw stage.refusal;
    const subscription = { tell, message };
    this.subscribed.push(subscription);
    if (stage.snapshot !== undefined) queueMicrotask(() => tell(stage.snapshot));
    return async () => {
      this.subscribed = this.subscribed.filter((each) => each !== subscription);
    };
  }
}

window.stage = {
  calls: [],
  told: [],
  snapshot: undefined,
  refusal: null,
  /** What an action is answered with: an error, or "never". */
  answer: null,

  async start({ element, config, hass, texts, snapshot, refusal, narrow }) {
    Object.assign(stage, { texts, snapshot: snapshot ?? undefined, refusal });
    await customElements.whenDefined(element);
    stage.connection = new Connection();
    stage.hass = {
      connection: stage.connection,
      localize: (key, values = {}) => stage.localize(key, values),
      loadBackendTranslation: async () => (key, values = {}) =>
        stage.localize(key, values),
      callService: (...call) => stage.act(call),
      callWS: async ({ type, path }) => {
        if (type !== "auth/sign_path") throw new Error(type);
        return { path: `${path}?authSig=signed` };
      },
      ...hass,
    };
    const shown = document.createElement(element);
    for (const name of ["hass-more-info", "hass-toggle-menu", "config-changed"]) {
      shown.addEventListener(name, ({ detail }) => stage.told.push([name, detail]));
    }
    if (config) shown.setConfig(config);
    if (element === "nightlatch-panel") shown.narrow = narrow;
    shown.hass = stage.hass;
    document.getElementById("stage").className = element;
    document.getElementById("stage").append(shown);
    stage.shown = shown;
  },

  localize(key, values) {
    const text = key.split(".").reduce((node, part) => node?.[part], stage.texts);
    if (typeof text !== "string") return "";
    return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
  },

  async act([domain, action, data, target, notifyOnError]) {
    stage.calls.push({ domain, action, data, target, notifyOnError });
    if (stage.answer === "never") return new Promise(() => {});
    if (stage.answer) throw stage.answer;
  },

  push(snapshot) {
    stage.snapshot = snapshot;
    for (const { tell } of stage.connection.subscribed) tell(snapshot);
  },

  lose() {
    stage.connection.connected = false;
    stage.connection.subscribed = [];
    stage.connection.fire("disconnected");
  },

  find() {
    stage.connection.connected = true;
    stage.connection.fire("ready");
  },

  set(changes) {
    stage.hass = { ...stage.hass, ...changes };
    stage.shown.hass = stage.hass;
  },
};
