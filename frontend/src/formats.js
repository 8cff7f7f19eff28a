/** @import { Hass } from "./snapshot.js" */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @param {Hass} hass */
function language(hass) {
  return hass.locale?.language ?? hass.language;
}

/** The zone that the person has chosen: that of the house, or the browser's. @param {Hass} hass */
export function zone(hass) {
  return hass.locale?.time_zone === "server" ? hass.config.time_zone : undefined;
}

/** @param {Hass} hass @param {number} at @param {Intl.DateTimeFormatOptions} [more] */
function formatted(hass, at, more = {}) {
  const wanted = hass.locale?.time_format;
  const cycle = wanted === "12" ? "h12" : wanted === "24" ? "h23" : undefined;
  const where = wanted === "system" ? undefined : language(hass);
  const kind = { hour: "numeric", hourCycle: cycle };
  const { hour12 } = new Intl.DateTimeFormat(where, kind).resolvedOptions();
  return new Intl.DateTimeFormat(where, {
    ...kind,
    // Of itself many a language writes 04:00 behind a day, and 4:00 alone.
    hour: hour12 ? "numeric" : "2-digit",
    minute: "2-digit",
    timeZone: zone(hass),
    ...more,
  }).format(at);
}

/** A time of day. @param {Hass} hass @param {number} at */
export function clock(hass, at) {
  return formatted(hass, at);
}

/** @param {Hass} hass @param {number} at */
function dayOf(hass, at) {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone(hass) }).format(at);
}

/** A date, as the person likes it. @param {Hass} hass @param {number} at */
export function date(hass, at) {
  const order = hass.locale?.date_format;
  const timeZone = zone(hass);
  if (!["DMY", "MDY", "YMD"].includes(order)) {
    const locale = order === "system" ? undefined : language(hass);
    return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone }).format(at);
  }
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat(language(hass), {
      year: "numeric",
      month: "numeric",
      day: "numeric",
      timeZone,
    })
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const names = { D: parts.day, M: parts.month, Y: parts.year };
  return [...order].map((part) => names[part]).join(order === "YMD" ? "-" : "/");
}

/** A time of day, with the day where that is another. @param {Hass} hass @param {number} at @param {number} now */
export function moment(hass, at, now) {
  if (dayOf(hass, at) === dayOf(hass, now)) return clock(hass, at);
  if (Math.abs(at - now) < 6 * DAY) return formatted(hass, at, { weekday: "short" });
  return `${date(hass, at)}, ${clock(hass, at)}`;
}

/** How far away, in words. @param {Hass} hass @param {number} at @param {number} now */
export function away(hass, at, now) {
  const distance = at - now;
  // Two of a unit at least: "in 1 hour" would be said of nearly two.
  const [unit, size] = [
    /** @type {const} */ (["day", DAY]),
    /** @type {const} */ (["hour", HOUR]),
    /** @type {const} */ (["minute", MINUTE]),
  ].find(([, size]) => Math.abs(distance) >= 2 * size) ?? /** @type {const} */ (["second", 1000]);
  return new Intl.RelativeTimeFormat(language(hass)).format(
    Math.round(distance / size),
    unit,
  );
}

/** The minute within its hour, on the chosen zone's clock. @param {Hass} hass @param {number} at */
export function minuteOfHour(hass, at) {
  return hourAndMinute(hass, at)[1];
}

/** The hour of the day. @param {Hass} hass @param {number} at */
export function hourOfDay(hass, at) {
  return hourAndMinute(hass, at)[0];
}

/** @param {Hass} hass @param {number} at */
function hourAndMinute(hass, at) {
  const parts = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZone: zone(hass),
  }).formatToParts(at);
  const value = (type) => Number(parts.find((part) => part.type === type)?.value);
  return [value("hour"), value("minute")];
}

/** A share, of a hundred. @param {Hass} hass @param {number} value */
export function share(hass, value) {
  return new Intl.NumberFormat(language(hass), { style: "percent" }).format(value / 100);
}
