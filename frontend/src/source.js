import { loadTexts } from "./texts.js";

/** @import { Hass, Snapshot, Translate } from "./snapshot.js" */

const AGAIN_AFTER = 5_000;
const EACH_MINUTE_OR_SO = 20_000;
const NOT_LOADED = new Set(["unknown_command", "not_found", "not_loaded"]);

/**
 * Keeps what is known of tonight, and how it stands with the connection.
 *
 * @implements {import("lit").ReactiveController}
 */
export class TonightSource {
  /** @type {Snapshot|null} */
  snapshot = null;
  /** @type {Translate|null} */
  text = null;
  /** @type {"loading"|"ready"|"not_loaded"|"failed"} */
  state = "loading";
  message = "";
  connected = true;
  /** When the last snapshot came, by the browser's clock. */
  heardAt = 0;

  /** @type {Hass|null} */
  #hass = null;
  #language = "";
  #attached = false;
  /** Which subscription counts: answers to earlier ones are too late. */
  #turn = 0;
  /** @type {(() => unknown)|null} */
  #unsubscribe = null;
  #again = 0;
  #minute = 0;
  #offset = 0;

  /** @param {import("lit").ReactiveControllerHost} host */
  constructor(host) {
    this.host = host;
    host.addController(this);
  }

  /** The time, by the server's clock. */
  get now() {
    return Date.now() + this.#offset;
  }

  /** @param {Hass|undefined} hass */
  set hass(hass) {
    if (!hass) return;
    const other = hass.connection !== this.#hass?.connection;
    if (other && this.#attached) this.#leave();
    const language = hass.language;
    this.#hass = hass;
    if (!this.#attached) return;
    if (other) this.#listen();
    if (other || language !== this.#language) this.#subscribe();
  }

  hostConnected() {
    this.#attached = true;
    this.#minute = window.setInterval(
      () => this.host.requestUpdate(),
      EACH_MINUTE_OR_SO,
    );
    if (this.#hass) {
      this.#listen();
      this.#subscribe();
    }
  }

  hostDisconnected() {
    this.#attached = false;
    window.clearInterval(this.#minute);
    this.#leave();
  }

  #listen() {
    const { connection } = this.#hass;
    this.connected = connection.connected !== false;
    connection.addEventListener("disconnected", this.#lost);
    connection.addEventListener("ready", this.#back);
  }

  #leave() {
    this.#stop();
    this.#hass?.connection.removeEventListener("disconnected", this.#lost);
    this.#hass?.connection.removeEventListener("ready", this.#back);
  }

  #stop() {
    this.#turn += 1;
    window.clearTimeout(this.#again);
    const unsubscribe = this.#unsubscribe;
    this.#unsubscribe = null;
    // What a lost connection had subscribed is gone with it.
    Promise.resolve(unsubscribe?.()).catch(() => {});
  }

  #lost = () => {
    this.connected = false;
    this.#turn += 1;
    this.#unsubscribe = null;
    window.clearTimeout(this.#again);
    this.host.requestUpdate();
  };

  #back = () => {
    this.connected = true;
    this.#subscribe();
    this.host.requestUpdate();
  };

  async #subscribe() {
    this.#stop();
    const turn = this.#turn;
    const hass = this.#hass;
    this.#language = hass.language;
    this.#loadTexts(hass, turn);
    try {
      const unsubscribe = await hass.connection.subscribeMessage(
        (snapshot) => turn === this.#turn && this.#take(snapshot),
        { type: "nightlatch/tonight", language: hass.language },
        { resubscribe: false },
      );
      if (turn === this.#turn) this.#unsubscribe = unsubscribe;
      else Promise.resolve(unsubscribe()).catch(() => {});
    } catch (err) {
      if (turn === this.#turn) this.#refused(err);
    }
  }

  async #loadTexts(hass, turn) {
    let text;
    try {
      text = await loadTexts(hass);
    } catch {
      return;
    }
    if (turn !== this.#turn) return;
    this.text = text;
    this.host.requestUpdate();
  }

  /** @param {Snapshot|null} snapshot */
  #take(snapshot) {
    if (!snapshot) {
      this.#refused({ code: "not_loaded" });
      return;
    }
    this.snapshot = snapshot;
    this.state = "ready";
    this.heardAt = Date.now();
    this.#offset = Date.parse(snapshot.now) - this.heardAt || 0;
    this.host.requestUpdate();
  }

  /** @param {{code?: unknown, message?: string}} err */
  #refused(err) {
    this.state = NOT_LOADED.has(String(err?.code)) ? "not_loaded" : "failed";
    this.message = err?.message ?? "";
    this.snapshot = null;
    const turn = this.#turn;
    this.#again = window.setTimeout(
      () => turn === this.#turn && this.connected && this.#subscribe(),
      AGAIN_AFTER,
    );
    this.host.requestUpdate();
  }
}
