const RFC_3339 =
  /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/**
 * Reads an RFC 3339 time (`Z` or an offset, any fraction) and returns it in the form that is used
 * everywhere: UTC, cut (not rounded) to milliseconds, `2024-01-01T00:00:00.000Z`. In that form,
 * times compare as plain strings.
 *
 * `undefined` when it is not an existing time: month 13, 30 February, hour 24, a leap
 * second (`:60`, which no PostgreSQL or JavaScript time can hold), or an instant whose UTC year
 * falls outside 0000–9999. Narrower ranges, such as "not before 1970", are the caller's rules.
 */
export function parseTime(text: string): string | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [, date, time, fraction = '', sign, hours, minutes] = match;
  const wallClock = `${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
  const milliseconds = Date.parse(wallClock);
  // Date.parse turns 30 February into 1 March; only an existing date is the same after both steps.
  if (Number.isNaN(milliseconds) || new Date(milliseconds).toISOString() !== wallClock) {
    return undefined;
  }
  if (sign === undefined) return wallClock;
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000);
  const utc = new Date(milliseconds - offset).toISOString();
  // Years outside four digits are written with a sign and would no longer compare as strings.
  return utc.length === wallClock.length ? utc : undefined;
}
