import { hourOfDay, minuteOfHour } from "./formats.js";

/** @import { Hass, Lock, Snapshot } from "./snapshot.js" */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MOST_TICKS = 8;
/** How far off "now" may be without making the night small. */
const NEAR = 3 * HOUR;
const NIGHT = 24 * HOUR;
const USUAL_MINUTES = 10;

/**
 * One lock in the bar.
 *
 * @typedef {object} Lane
 * @property {Lock} lock
 * @property {number} start
 * @property {number} end
 * @property {boolean} later whether it lies beyond the bar
 */

/**
 * The stretch of time that is shown.
 *
 * @typedef {object} Scale
 * @property {number} from
 * @property {number} to
 * @property {{start: number, end: number}|null} quiet
 * @property {Lane[]} lanes
 * @property {{at: number, minor: boolean}[]} ticks
 * @property {(at: number) => number} place where a moment is, in percent of the width
 */

/**
 * Choose the stretch: the quiet hours with an hour around them, and what happens near them.
 *
 * @param {Hass} hass
 * @param {Snapshot} snapshot
 * @param {number} now
 * @returns {Scale}
 */
export function scaleOf(hass, snapshot, now) {
  const hours = snapshot.quiet_hours;
  const quiet = hours && {
    start: Date.parse(hours.starts_at),
    end: Date.parse(hours.ends_at),
  };
  const lanes = snapshot.locks.flatMap((lock) => laneOf(lock) ?? []);
  lanes.sort((one, other) => one.start - other.start);

  let from = quiet ? quiet.start - HOUR : now - HOUR;
  let to = quiet ? quiet.end + HOUR : now + 3 * HOUR;
  if (now < from && from - now <= NEAR) from = now - HOUR / 2;
  if (now > to) to = now + HOUR / 2;
  for (const lane of lanes) {
    if (lane.end < from || lane.start > now + NIGHT) continue;
    if (lane.start < from) from = lane.start - HOUR / 2;
    if (!quiet && lane.end > to) to = lane.end + HOUR;
  }
  for (const lane of lanes) lane.later = lane.start >= to;
  const place = (at) =>
    Math.min(100, Math.max(0, (100 * (at - from)) / Math.max(1, to - from)));
  return { from, to, quiet, lanes, ticks: ticksOf(hass, from, to), place };
}

/** @param {Lock} lock @returns {Lane|null} */
function laneOf(lock) {
  const start = Date.parse(lock.progress?.since ?? lock.starts_at ?? "");
  if (Number.isNaN(start)) return null;
  const end = start + (lock.expected_minutes ?? USUAL_MINUTES) * MINUTE;
  return { lock, start, end, later: false };
}

/** Full hours, as many as are well read. @param {Hass} hass @param {number} from @param {number} to */
function ticksOf(hass, from, to) {
  const step =
    [1, 2, 3, 6, 12].find((hours) => (to - from) / (hours * HOUR) <= MOST_TICKS) ?? 24;
  const first = from + ((60 - minuteOfHour(hass, from)) % 60) * MINUTE;
  const ticks = [];
  for (let at = first - (first % MINUTE); at <= to; at += HOUR) {
    if (at >= from && hourOfDay(hass, at) % step === 0) {
      ticks.push({ at, minor: ticks.length % 2 === 1 });
    }
  }
  return ticks;
}
