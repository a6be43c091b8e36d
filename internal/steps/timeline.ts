import { durationText } from '../log/progress.ts';
import type { RunRecord, StepTime } from './journal.ts';

/** Colours of the states; readable on white and for people who do not see red and green apart. */
const colourOf: Record<StepTime['state'], string> = {
  done: '#3b76af',
  skipped: '#b9c4cf',
  failed: '#c5382c',
  interrupted: '#e0a030',
};

const barWidth = 640;
const labelWidth = 190;
const rowHeight = 22;

/** Draws a run as a self-contained SVG document: one bar a step, a line of headings, a time scale in seconds. */
export function timelineSvg(run: RunRecord): string {
  const total = Math.max(run.durationMs, 1);
  const rows: string[] = [];
  let y = 48;
  let lastHeading = '';
  for (const step of run.steps) {
    if (step.heading !== lastHeading) {
      lastHeading = step.heading;
      y += 8;
      rows.push(`<text x="8" y="${y + 14}" class="heading">${escapeXml(step.heading)}</text>`);
      y += rowHeight;
    }
    const x = labelWidth + (step.startMs / total) * barWidth;
    const width = Math.max((step.durationMs / total) * barWidth, 1);
    const label = step.state === 'done' ? durationText(step.durationMs) : step.state;
    const inside = x + width + 90 > labelWidth + barWidth + 90;
    rows.push(
      `<text x="${labelWidth - 8}" y="${y + 15}" class="step">${escapeXml(step.step)}</text>`,
      `<rect x="${x.toFixed(1)}" y="${y + 3}" width="${width.toFixed(1)}" height="${rowHeight - 6}" fill="${colourOf[step.state]}"><title>${escapeXml(`${step.step}: ${step.state}${step.reason === undefined ? '' : `, ${step.reason}`}, ${durationText(step.durationMs)}`)}</title></rect>`,
      `<text x="${(inside ? x - 4 : x + width + 4).toFixed(1)}" y="${y + 15}" class="time"${inside ? ' text-anchor="end"' : ''}>${label}</text>`,
    );
    y += rowHeight;
  }
  const height = y + 34;
  const scale = tickSeconds(total / 1000).map((second) => {
    const x = labelWidth + ((second * 1000) / total) * barWidth;
    return `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="44" y2="${height - 26}" class="tick"/><text x="${x.toFixed(1)}" y="${height - 10}" class="scale">${second} s</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${labelWidth + barWidth + 100}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<style>.title{font-size:15px;font-weight:bold}.heading{font-weight:bold;fill:#444}.step{text-anchor:end}.time{fill:#333}.tick{stroke:#ddd}.scale{text-anchor:middle;fill:#777}</style>',
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="8" y="24" class="title">${escapeXml(titleOf(run))}</text>`,
    ...scale,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

/** Draws a run as text of at most 80 columns. */
export function timelineText(run: RunRecord): string {
  const total = Math.max(run.durationMs, 1);
  const nameWidth = Math.max(...run.steps.map(({ step }) => step.length), 4);
  const width = Math.max(80 - nameWidth - 15, 20);
  const lines = [titleOf(run)];
  let lastHeading = '';
  for (const step of run.steps) {
    if (step.heading !== lastHeading) lines.push(`  ${(lastHeading = step.heading)}`);
    const from = Math.min(Math.floor((step.startMs / total) * width), width - 1);
    const length = Math.max(Math.round((step.durationMs / total) * width), 1);
    const bar = `${' '.repeat(from)}${(step.state === 'skipped' ? '·' : step.state === 'done' ? '█' : '✗').repeat(Math.min(length, width - from))}`;
    lines.push(
      `  ${step.step.padEnd(nameWidth)} ${(step.state === 'done' ? durationText(step.durationMs) : step.state).padStart(11)} ${bar}`.trimEnd(),
    );
  }
  return `${lines.join('\n')}\n`;
}

function titleOf(run: RunRecord): string {
  return `${run.program} ${run.version}, ${run.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}: ${run.state} in ${durationText(run.durationMs)}`;
}

/** Round tick marks, at most about ten. */
function tickSeconds(total: number): number[] {
  const step =
    [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600].find((candidate) => total / candidate <= 10) ?? 7200;
  return Array.from({ length: Math.floor(total / step) + 1 }, (_, index) => index * step);
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
