/** Which backends run `DecodePlan.program`: what their sources say as `programs`, for explain(), which opens none. */
export const runsPrograms = (backend: string): boolean => backend !== 'js'
