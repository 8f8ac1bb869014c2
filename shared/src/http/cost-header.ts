/**
 * How a BFF tells the gateway what a request cost, as a whole number in its answer. The gateway charges it to the caller's
 * rate and keeps the header to itself.
 */
export const costHeader = 'grapevine-cost';
