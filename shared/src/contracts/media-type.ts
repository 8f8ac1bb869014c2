import { z } from 'zod';
import { expected } from './expected.ts';

/** What a message is when it does not say. */
export const defaultContentType = 'text/plain; charset=utf-8';

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quoted = '"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*"';

/**
 * RFC 9110 section 8.3.1, in ASCII: `type/subtype`, then any number of `; name=value`. White space is read in one place per
 * parameter: if two could take it, a text that does not fit would be tried in exponentially many ways.
 */
const pattern = new RegExp(`^${token}/${token}(?:[\\t ]*;(?:[\\t ]*${token}=(?:${token}|${quoted}))?)*$`);

/** What new messages may name as their content type. Older ones, and those of peers, may have any text. */
export const mediaTypeSchema = z
  .string()
  .max(128, { abort: true })
  .regex(pattern, expected('a media type such as text/plain; charset=utf-8'));
