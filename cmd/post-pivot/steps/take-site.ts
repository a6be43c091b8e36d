import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { UsageError, type Failure } from '../../../internal/errors/errors.ts';
import { refuseSite, settleSite, takeFolder, type SiteRequest } from '../../../internal/site/site.ts';
import type { Step } from '../../../internal/steps/step.ts';
import type { PostPivot } from '../context.ts';
import { isMarked } from '../marker.ts';
import { places } from '../places.ts';

/** Runs each time: a medium may have been exchanged since. Keys are made meanwhile. */
export const takeSite: Step<PostPivot> = {
  name: 'take-site',
  says: 'Wait for the site config and copy it from its medium',
  run: async (pivot, io) => {
    pivot.require('seed'); // a host without seed data waits for nothing
    const request = await siteRequest();
    if (!request.isFinal) pivot.beginKeys();
    if (pivot.options.configDir === undefined) await settleSite(pivot.host, request, io, pivot.options.pauseMs);
    else await takeFolder(pivot.host, request, pivot.options.configDir, io);
    pivot.readSiteAgain();
    try {
      pivot.require('site');
    } catch (error) {
      if (error instanceof UsageError) await refuseTaken(pivot, error);
      throw error;
    }
  },
};

async function siteRequest(): Promise<SiteRequest> {
  return {
    places: places.site,
    state: places.stateFolder,
    seed: createHash('sha256').update(readFileSync(places.seedManifest)).digest('hex'),
    isFinal: await isMarked('recert'),
  };
}

/** A config that was found wrong is not tried again as it is: the next run waits for another one, and says why. */
export async function refuseTaken({ host }: PostPivot, error: Failure): Promise<void> {
  await refuseSite(
    host,
    await siteRequest(),
    [error.message, error.why].filter((text) => text !== undefined).join('; '),
  );
}
