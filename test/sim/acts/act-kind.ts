import type { Random } from '@grapevine/shared/random.ts';
import { z } from 'zod';
import { type Act, milliseconds, type Settings } from '../plan/plan.ts';
import type { World } from '../world.ts';

/** What an act's parameters are drawn from. */
export interface Drawing {
  readonly random: Random;
  readonly settings: Settings;
  /** A node's number. */
  node(): number;
  /** Numbers of some nodes, at least one, and not all when there are several. */
  someNodes(): number[];
  /** Milliseconds in a range, whole. */
  between(leastMs: number, mostMs: number): number;
}

/** A kind of act: a fault, or something that clients do. What it begins it also ends, unless the end of the faults is earlier. */
export interface ActKind {
  readonly kind: string;
  /** How often it is drawn beside others that a schedule has. */
  readonly weight: number;
  /** Whether it can keep a node from hearing its peers for seconds. */
  readonly silences: boolean;
  /** Parameters of one act; undefined when it makes no sense in this cluster. */
  draw(drawing: Drawing): Record<string, unknown> | undefined;
  /** Throws a `ZodError` when the parameters are not those of this kind. */
  check(act: Act): void;
  /** For an act that passes `check`. */
  perform(world: World, act: Act): void;
}

/** Makes an `ActKind` whose parameters have a shape. */
export function actKind<Shape extends z.ZodRawShape>(definition: {
  readonly kind: string;
  readonly weight: number;
  readonly silences?: boolean;
  readonly shape: Shape;
  draw(drawing: Drawing): z.infer<z.ZodObject<Shape>> | undefined;
  perform(world: World, parameters: z.infer<z.ZodObject<Shape>>): void;
}): ActKind {
  const { kind, weight, silences = false, shape } = definition;
  const parameters = z.object(shape);
  const schema = z.strictObject({ atMs: milliseconds, kind: z.literal(kind), ...shape });
  return {
    kind,
    weight,
    silences,
    draw: (drawing) => definition.draw(drawing),
    check: (act) => void schema.parse(act),
    perform: (world, act) => definition.perform(world, parameters.parse(act)),
  };
}
