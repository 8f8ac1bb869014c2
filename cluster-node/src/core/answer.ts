import { missingFragments, splitSegment } from '../wire/fragments.ts';
import {
  fragmentBytesFor,
  fragmentPieceBytes,
  maxPayload,
  memberBytes,
  originSizeBytes,
  pullResponseBytes,
  segmentPieceBytes,
} from '../wire/limits.ts';
import type { MemberDigest, OriginSize, Piece, PullRequest, PullResponse } from '../wire/messages.ts';
import { segmentFirstSeq, segmentHeadSize } from '../wire/segment.ts';
import type { LogReader } from './ports.ts';

/** What the answering node holds. */
export interface Holdings {
  readonly flushed: ReadonlyMap<string, number>;
  readonly log: Pick<LogReader, 'segmentsFrom'>;
  /** Records to send along, few enough to leave room in one datagram. */
  readonly members: readonly MemberDigest[];
}

/** Bytes of segments in one answer, whatever the requester asks for: more than this, unpaced, overruns receive buffers. */
export const maxAnswerBytes = 256 * 1024;
/** Origins of which an answer says that they are ahead; the rest follows in later rounds. */
const maxNews = 24;

/**
 * The answer to a pull: exactly the segments that the requester lacks, as far as its budget goes, and where this node is
 * ahead of it. Always at least one datagram, because the answer is also the sign of life that the requester waits for.
 */
export function answerPull(request: PullRequest, holdings: Holdings, maxDatagramBytes: number): PullResponse[] {
  const lacking = lackingOrigins(request, holdings.flushed);
  const { pieces, more } = select(request, lacking, holdings.log, maxDatagramBytes);
  const vector = lacking
    .slice(0, maxNews)
    .map(({ origin, mine }) => ({ origin, size: mine }))
    .sort((a, b) => (a.origin < b.origin ? -1 : 1));
  return pack(request.requestId, pieces, more, vector, holdings.members, maxDatagramBytes);
}

interface Lacking {
  readonly origin: string;
  readonly theirs: number;
  readonly mine: number;
}

/** Origins of which the requester lacks entries; where to start differs by request, so that none starves behind a busy one. */
function lackingOrigins(request: PullRequest, flushed: ReadonlyMap<string, number>): Lacking[] {
  const theirs = new Map(request.vector.map(({ origin, size }) => [origin, size]));
  const lacking: Lacking[] = [];
  for (const [origin, mine] of flushed) {
    if (origin < request.range.from || origin > request.range.to) continue;
    const size = theirs.get(origin) ?? 0;
    if (mine > size) lacking.push({ origin, theirs: size, mine });
  }
  const start = request.requestId % Math.max(1, lacking.length);
  return [...lacking.slice(start), ...lacking.slice(0, start)];
}

function select(
  request: PullRequest,
  lacking: readonly Lacking[],
  log: Holdings['log'],
  maxDatagramBytes: number,
): { pieces: Piece[]; more: boolean } {
  const fragmentBytes = fragmentBytesFor(maxDatagramBytes);
  const whole = maxPayload(maxDatagramBytes) - pullResponseBytes - segmentPieceBytes;
  const pieces: Piece[] = [];
  let budget = Math.min(request.budget, maxAnswerBytes);
  for (const { origin, theirs, mine } of lacking) {
    if (budget <= 0) return { pieces, more: true };
    const have = request.partials.find((partial) => partial.origin === origin && partial.firstSeq === theirs);
    let reached = theirs;
    for (const bytes of log.segmentsFrom(origin, theirs, budget)) {
      const parts: readonly Piece[] =
        bytes.length <= whole
          ? [{ kind: 'segment', bytes }]
          : missingFragments(splitSegment(origin, segmentFirstSeq(bytes), bytes, fragmentBytes), have);
      for (const part of parts) {
        if (budget <= 0) return { pieces, more: true };
        pieces.push(part);
        budget -= part.bytes.length;
      }
      reached = segmentHeadSize(bytes);
    }
    // Where nothing came, the segment is damaged here: the others must not wait for it.
    if (reached > theirs && reached < mine) return { pieces, more: true };
  }
  return { pieces, more: false };
}

/** What one datagram carries, and how many bytes more it could. */
interface Group {
  readonly pieces: Piece[];
  room: number;
}

function pack(
  requestId: number,
  pieces: readonly Piece[],
  more: boolean,
  vector: readonly OriginSize[],
  members: readonly MemberDigest[],
  maxDatagramBytes: number,
): PullResponse[] {
  const first: Group = {
    pieces: [],
    room:
      maxPayload(maxDatagramBytes) -
      pullResponseBytes -
      vector.length * originSizeBytes -
      members.reduce((sum, member) => sum + memberBytes(member), 0),
  };
  const groups = [first];
  let last = first;
  for (const piece of pieces) {
    const size = piece.bytes.length + (piece.kind === 'segment' ? segmentPieceBytes : fragmentPieceBytes);
    // Fragments fill a datagram each, but for the last: without going back, the first would hardly ever carry any.
    const mayGoBack = piece.kind === 'fragment';
    let group = mayGoBack && size <= first.room ? first : last;
    if (size > group.room) {
      group = last = { pieces: [], room: maxPayload(maxDatagramBytes) - pullResponseBytes };
      groups.push(group);
    }
    group.pieces.push(piece);
    group.room -= size;
  }
  return groups.map((group, index) => ({
    type: 'pull-response',
    requestId,
    index,
    count: groups.length,
    more,
    vector: index === 0 ? vector : [],
    pieces: group.pieces,
    members: index === 0 ? members : [],
  }));
}
