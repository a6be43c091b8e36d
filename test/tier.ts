/** Whether everything is asked for (`npm run test:all`): all kill points and sizes, where the usual run takes what tells whether a change is right. */
export const everything = process.env['SNO_IBI_TESTS'] === 'all';
