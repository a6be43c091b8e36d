/** Takes one fact for the person who watches: a sentence without final period. */
export type Say = (fact: string) => void;
