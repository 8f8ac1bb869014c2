const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Sun, 06 Nov 1994 08:49:37 GMT`. */
const fixed = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
/** `Sunday, 06-Nov-94 08:49:37 GMT`. */
const rfc850 = /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
/** `Sun Nov  6 08:49:37 1994`. */
const asctime = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;
/** Two digits of a year that would be further ahead than this stand for the last century (RFC 9110 section 5.6.7). */
const farAheadYears = 50;

/**
 * A date of HTTP as milliseconds since the Unix epoch, in any of the three forms that recipients must take (RFC 9110
 * section 5.6.7); undefined for anything else. `Date.parse` would take much that is none of them.
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  const [, day = '', month = '', year = '', ...time] = fixed.exec(text) ?? [];
  if (day !== '') return utc(Number(year), month, day, time);
  const [, shortDay = '', shortMonth = '', shortYear = '', ...shortTime] = rfc850.exec(text) ?? [];
  if (shortDay !== '') return utc(fullYear(Number(shortYear), nowMs), shortMonth, shortDay, shortTime);
  const [, oldMonth = '', oldDay = '', hour = '', minute = '', second = '', oldYear = ''] = asctime.exec(text) ?? [];
  return oldMonth === '' ? undefined : utc(Number(oldYear), oldMonth, oldDay, [hour, minute, second]);
}

function fullYear(twoDigits: number, nowMs: number): number {
  const now = new Date(nowMs).getUTCFullYear();
  const year = now - (now % 100) + twoDigits;
  return year > now + farAheadYears ? year - 100 : year;
}

function utc(year: number, month: string, day: string, time: readonly string[]): number | undefined {
  const [hour = 0, minute = 0, second = 0] = time.map(Number);
  const index = months.indexOf(month);
  if (index === -1 || Number(day) < 1 || Number(day) > 31 || hour > 23 || minute > 59 || second > 60) return undefined;
  return Date.UTC(year, index, Number(day), hour, minute, second);
}
