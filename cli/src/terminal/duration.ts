import { InvalidArgumentError } from 'commander';

const secondsPerUnit: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Seconds in text such as `90s`, `45m`, `12h` or `30d`. */
export function parseDuration(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds = Number(digits) * (secondsPerUnit[unit] ?? 0);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError('Expected a duration such as 90s, 45m, 12h or 30d.');
}
