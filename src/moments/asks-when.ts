/** Whether a question asks for an order in time, by its words. Apart from what is done then, which is only loaded where one does. */
const words =
  /\b(?:first|last|earlier|later|before|after|then|next|start(?:s|ed)?|beg[ia]ns?|beginning|end(?:s|ed)?|order)\b/i

export const orderWords = words.source
export const asksWhen = (question: string): boolean => words.test(question)
