/** The backend that tests which name none run on: native, or by SABOT_BACKEND js. */
export const backend: 'native' | 'js' = process.env.SABOT_BACKEND === 'js' ? 'js' : 'native'
