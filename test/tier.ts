/** Whether everything is asked for (`npm run test:all`): all kill points and sizes, where the usual run takes what tells whether a change is right. */
export const everything = process.env['SNO_IBI_TESTS'] === 'all';

/** Kill points of a test that kills at random: other ones each time. SNO_IBI_KILLS says another number. */
export const wantedKills = Number(process.env['SNO_IBI_KILLS'] ?? (everything ? 50 : 5));
