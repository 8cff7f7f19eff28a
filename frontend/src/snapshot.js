/**
 * What the server pushes, whole, at each change. Everything in it comes from outside and
 * is only ever shown as text.
 *
 * @typedef {"good"|"waits"|"stopped"|"idle"} Tone
 *
 * @typedef {object} QuietHours
 * @property {string} starts_at
 * @property {string} ends_at
 * @property {boolean} open
 * @property {unknown} [paused]
 *
 * @typedef {object} Progress
 * @property {number|null} percent
 * @property {string} phase
 * @property {string} phase_text
 * @property {string} since
 *
 * @typedef {object} Past
 * @property {string} version
 * @property {string} at
 * @property {string} outcome
 * @property {string} text
 *
 * @typedef {object} May
 * @property {boolean} install
 * @property {boolean} tomorrow
 * @property {boolean} skip
 * @property {boolean} approve
 * @property {boolean} approve_needs_code
 * @property {boolean} cancel
 * @property {boolean} go_back
 *
 * @typedef {object} Lock
 * @property {string} lock_id
 * @property {string|null} device_id
 * @property {string} name
 * @property {string} kind
 * @property {string|null} update_entity
 * @property {string|null} lock_entity
 * @property {string|null} installed
 * @property {string|null} offered
 * @property {string} next_step
 * @property {string} summary
 * @property {string|null} starts_at
 * @property {number|null} expected_minutes
 * @property {Tone} tone
 * @property {string[]} waiting_for
 * @property {{text: string, what_to_do: string|null}[]} blockers
 * @property {Progress|null} progress
 * @property {May} may
 * @property {Past[]} history newest last
 * @property {string} evidence
 * @property {string} way_back
 *
 * @typedef {object} Snapshot
 * @property {string} now
 * @property {QuietHours|null} quiet_hours
 * @property {string} summary
 * @property {Lock[]} locks
 * @property {Household} household
 *
 * @typedef {object} Household
 * @property {string} evidence
 * @property {string} way_back
 * @property {{path: string, text: string}|null} [report] for administrators
 * @property {{entity: string, title: string, text: string}|null} [week] where it is learned
 */

/**
 * What of Home Assistant's object is used here.
 *
 * @typedef {object} Hass
 * @property {any} connection
 * @property {boolean} [connected]
 * @property {string} language
 * @property {any} locale
 * @property {any} config
 * @property {any} [user]
 * @property {Record<string, any>} [states]
 * @property {Record<string, {platform?: string, device_id?: string}>} [entities]
 * @property {{darkMode?: boolean}} [themes]
 * @property {string} [dockedSidebar]
 * @property {Translate} localize
 * @property {(category: string, integration?: string) => Promise<Translate>} loadBackendTranslation
 * @property {(message: object) => Promise<any>} callWS
 * @property {(domain: string, action: string, data: object, target: object, notifyOnError: boolean) => Promise<unknown>} callService
 *
 * @typedef {(key: string, values?: Record<string, unknown>) => string} Translate
 */

export {};
