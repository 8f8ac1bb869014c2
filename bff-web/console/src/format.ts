/** Values as people read them. */

const whole = new Intl.NumberFormat('en');

export function count(value: number): string {
  return whole.format(value);
}

/** Three digits at most, such as `0.42`, `17.3` and `1,204`. */
export function brief(value: number): string {
  if (value >= 100) return whole.format(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value.toFixed(value === 0 ? 0 : 2);
}

export function bytes(value: number): string {
  if (value < 1_000) return `${Math.round(value)} B`;
  return value < 1_000_000 ? `${brief(value / 1_000)} kB` : `${brief(value / 1_000_000)} MB`;
}

export function milliseconds(value: number): string {
  return value < 1_000 ? `${brief(value)} ms` : `${brief(value / 1_000)} s`;
}

export function percent(value: number): string {
  return `${brief(value * 100)} %`;
}

/** Such as `4 h 12 min`: two units. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return `${minutes} min ${seconds % 60} s`;
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function time(moment: number | string): string {
  return new Date(moment).toLocaleTimeString('en-GB');
}

export function dateAndTime(moment: number | string): string {
  const date = new Date(moment);
  return `${date.toLocaleDateString('en-CA')} ${date.toLocaleTimeString('en-GB')}`;
}

/** `1 node`, `2 nodes`. */
export function counted(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** What strangers wrote, so that no character of it can hide, reorder or erase what stands around it. */
export function printable(text: string): string {
  return text.replace(deceptive, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** Control and format characters but tab and line feed: among them those that steer the direction of text or have no width. */
const deceptive = /(?![\t\n])[\p{Cc}\p{Cf}\u2028\u2029]/gu;
