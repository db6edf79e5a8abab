// messages.d.ts — made by msgc from proto/schema.

export type SmallColour =
  'red' /* the first * / and not the end of a comment */
  | 'blue' /* a gap before it */;

/** Where it is. */
export interface SmallPoint {
  /** to the right, mm; -100..100 */
  x: number;
  /** up, mm */
  y?: number;
}

/** With views inside. */
export interface SmallTagged {
  /** its name; 16 bytes at the most */
  name: string;
  /** words; 8 bytes at the most each, 4 items at the most */
  tags?: string[];
}

/** A question with a "quoted" word and a \ in it, long enough that the text must be wrapped in
 * the header, which happens here. */
export interface SmallAsk {
  /** which one */
  id: bigint;
  /** what it should look like */
  colour?: SmallColour;
  /** where, mm */
  at: SmallPoint;
  /** several; 3 items at the most */
  all?: SmallTagged[];
  /** not to be shown; 32 bytes at the most */
  secret?: string;
  /** between the ends; -1..1 */
  ratio?: number;
  /** truths; 8 items at the most */
  flags?: boolean[];
}

/** Nothing but that it was heard. */
export interface SmallAnswer {
}

/** Message and record types by name, as encode and decode take them. */
export interface Types {
  'small.point': SmallPoint;
  'small.tagged': SmallTagged;
  'small.ask': SmallAsk;
  'small.answer': SmallAnswer;
}

export const enums: Record<string, Record<string, number>>;
export const types: Record<keyof Types, { name: string; number?: number; blob?: number }>;
