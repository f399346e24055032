/** Which backends run `DecodePlan.program`: what `Source.programs` says, for explain(), which opens none. */
export const runsPrograms = (_backend: string): boolean => false
