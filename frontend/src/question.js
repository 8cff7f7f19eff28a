import { css, html, LitElement, nothing } from "lit";
import { icon, ICONS } from "./icons.js";
import { base } from "./styles.js";

/** @import { Translate } from "./snapshot.js" */

/**
 * What is asked.
 *
 * @typedef {object} Asked
 * @property {string} heading
 * @property {string[]} meaning what it means, a sentence each
 * @property {string[]} [against] what stands against it
 * @property {string} yes
 * @property {boolean} code whether a one-time code is needed
 */

/** A question before something is done; Esc and *Cancel* do nothing. */
export class Question extends LitElement {
  static properties = {
    text: { attribute: false },
    asked: { attribute: false },
  };

  static styles = [
    base,
    css`
      dialog {
        width: min(440px, calc(100vw - 32px));
        max-height: calc(100dvh - 32px);
        overflow: auto;
        padding: 24px;
        border: none;
        border-radius: var(--ha-dialog-border-radius, 28px);
        background: var(
          --ha-dialog-surface-background,
          var(--card-background-color, #fff)
        );
        color: var(--nl-ink);
        box-shadow: 0 8px 40px #0006;
        font: inherit;
      }
      dialog::backdrop {
        background: #0000008a;
      }
      h2 {
        font-size: var(--ha-font-size-xl, 20px);
        line-height: 1.3;
        margin-bottom: 16px;
      }
      p + p {
        margin-top: 8px;
      }
      .against {
        margin-top: 12px;
        padding: 10px 12px;
        border-radius: 8px;
        background: var(--nl-waits-fill);
      }
      .against li {
        display: flex;
        gap: 8px;
      }
      .against .icon {
        color: var(--nl-waits);
      }
      label {
        display: block;
        margin-top: 20px;
        font-weight: 500;
      }
      input {
        display: block;
        width: 100%;
        margin-top: 6px;
        padding: 12px 16px;
        border: 1px solid var(--nl-faint);
        border-radius: 8px;
        background: none;
        color: inherit;
        font: inherit;
        font-size: 20px;
        letter-spacing: 0.3em;
        font-variant-numeric: tabular-nums;
      }
      small {
        display: block;
        margin-top: 6px;
        font-size: var(--nl-small);
        color: var(--nl-faint);
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        justify-content: flex-end;
        gap: 8px;
        margin-top: 24px;
      }
    `,
  ];

  constructor() {
    super();
    /** @type {Translate} */
    this.text = (key) => key;
    /** @type {Asked|null} */
    this.asked = null;
    /** @type {((answer: {code: string|null}|null) => void)|null} */
    this._answer = null;
    /** @type {{code: string|null}|null} */
    this._said = null;
  }

  /**
   * Ask; nothing is returned where it is not to be done.
   *
   * @param {Asked} asked
   * @returns {Promise<{code: string|null}|null>}
   */
  async ask(asked) {
    this._answer?.(null);
    this.asked = asked;
    await this.updateComplete;
    const dialog = /** @type {HTMLDialogElement} */ (
      this.renderRoot.querySelector("dialog")
    );
    return new Promise((resolve) => {
      this._answer = resolve;
      dialog.showModal();
    });
  }

  render() {
    const { asked, text } = this;
    if (!asked) return nothing;
    return html`<dialog aria-labelledby="heading" aria-describedby="meaning" @close=${this.#closed}>
      <form method="dialog" @submit=${this.#submitted}>
        <h2 id="heading">${asked.heading}</h2>
        <div id="meaning">${asked.meaning.map((each) => html`<p>${each}</p>`)}</div>
        ${asked.against?.length
          ? html`<ul class="against">
              ${asked.against.map((each) => html`<li>${icon(ICONS.alert)}<span>${each}</span></li>`)}
            </ul>`
          : nothing}
        ${asked.code
          ? html`<label for="code">${text("ask.code")}</label>
              <input
                id="code"
                name="code"
                required
                autofocus
                inputmode="numeric"
                autocomplete="one-time-code"
                pattern="[0-9]{6}"
                maxlength="6"
                aria-describedby="code-hint"
              />
              <small id="code-hint">${text("ask.code_hint")}</small>`
          : nothing}
        <div class="buttons">
          <button type="button" class="button plain" @click=${this.#close}>
            ${text("ask.no")}
          </button>
          <button type="submit" class="button loud">${asked.yes}</button>
        </div>
      </form>
    </dialog>`;
  }

  get #dialog() {
    return /** @type {HTMLDialogElement} */ (this.renderRoot.querySelector("dialog"));
  }

  #close() {
    this.#dialog.close();
  }

  /** @param {SubmitEvent} event */
  #submitted(event) {
    event.preventDefault();
    const field = /** @type {HTMLInputElement|null} */ (
      this.renderRoot.querySelector("input")
    );
    this._said = { code: field ? field.value : null };
    this.#dialog.close();
  }

  #closed() {
    // A code is not kept on the page.
    const field = this.renderRoot.querySelector("input");
    if (field) /** @type {HTMLInputElement} */ (field).value = "";
    // Only now it can be asked again.
    const said = this._said;
    this._said = null;
    this.#settle(said);
  }

  #settle(answer) {
    const settle = this._answer;
    this._answer = null;
    settle?.(answer);
  }
}
