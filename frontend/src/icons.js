import {
  mdiAlertCircle,
  mdiCalendarArrowRight,
  mdiCheckAll,
  mdiCheckCircle,
  mdiClockOutline,
  mdiClose,
  mdiDownload,
  mdiInformationOutline,
  mdiLockOutline,
  mdiMenu,
  mdiMinusCircleOutline,
  mdiMoonWaningCrescent,
  mdiOpenInNew,
  mdiPause,
  mdiRestore,
  mdiShieldCheck,
  mdiSkipNext,
  mdiSync,
} from "@mdi/js";
import { html, svg } from "lit";

/** @import { Lock } from "./snapshot.js" */

/** An icon that only decorates: words say the same. @param {string} path */
export const icon = (path) =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    ${svg`<path d=${path}></path>`}
  </svg>`;

export const ICONS = {
  add: mdiLockOutline,
  alert: mdiAlertCircle,
  close: mdiClose,
  device: mdiOpenInNew,
  evidence: mdiShieldCheck,
  info: mdiInformationOutline,
  menu: mdiMenu,
  night: mdiMoonWaningCrescent,
  way_back: mdiRestore,
};

export const TONES = {
  good: mdiCheckCircle,
  waits: mdiClockOutline,
  stopped: mdiAlertCircle,
  idle: mdiMinusCircleOutline,
  running: mdiSync,
};

export const DEED_ICONS = {
  install: mdiDownload,
  approve: mdiCheckAll,
  tomorrow: mdiCalendarArrowRight,
  skip: mdiSkipNext,
  cancel: mdiClose,
  go_back: mdiRestore,
};

export const OUTCOMES = {
  succeeded: mdiCheckCircle,
  failed: mdiAlertCircle,
  needs_hand: mdiAlertCircle,
  rolled_back: mdiRestore,
  cancelled: mdiClose,
  postponed: mdiPause,
};

/** What a lock looks like: its tone, or that it is being updated. @param {Lock} lock */
export function toneOf(lock) {
  if (lock.progress) return "running";
  return Object.hasOwn(TONES, lock.tone) ? lock.tone : "idle";
}
