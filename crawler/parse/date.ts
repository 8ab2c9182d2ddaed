/**
 * Dates as feeds write them: RFC 822/2822 (with obsolete zones and two-digit years), RFC 3339, ISO 8601, and the forms
 * that are broken in known ways, months in other languages among them. Pure: asks no locale, time zone or clock.
 */

/** The first three letters of months, without accents: English, and what publishers write in their own language. */
const MONTHS: ReadonlyMap<string, number> = new Map(
  [
    'jan ene gen sty янв oca',
    'feb fev lut фев sub',
    'mar mrz mrt maa мар',
    'apr abr avr kwi апр nis',
    'may mai mag mei maj мая май',
    'jun giu cze июн haz',
    'jul lug lip июл tem',
    'aug ago aou sie авг agu',
    'sep set wrz сен eyl',
    'oct okt out ott paz окт eki',
    'nov lis ноя kas',
    'dec dez dic des gru дек ara',
  ].flatMap((names, month) => names.split(' ').map((name): [string, number] => [name, month])),
);

/** Minutes east of Greenwich. RFC 822 section 5.1 and zones met in feeds; ambiguous ones as in the RFC or most common. */
const ZONES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    z: 0,
    ut: 0,
    utc: 0,
    gmt: 0,
    wet: 0,
    west: 60,
    bst: 60,
    ist: 330,
    cet: 60,
    mez: 60,
    met: 60,
    cest: 120,
    mesz: 120,
    mest: 120,
    eet: 120,
    eest: 180,
    msk: 180,
    msd: 240,
    sast: 120,
    hkt: 480,
    sgt: 480,
    awst: 480,
    pht: 480,
    jst: 540,
    kst: 540,
    acst: 570,
    acdt: 630,
    aest: 600,
    aedt: 660,
    nzst: 720,
    nzdt: 780,
    nst: -210,
    ndt: -150,
    ast: -240,
    adt: -180,
    brt: -180,
    art: -180,
    est: -300,
    edt: -240,
    cst: -360,
    cdt: -300,
    mst: -420,
    mdt: -360,
    pst: -480,
    pdt: -420,
    akst: -540,
    akdt: -480,
    hst: -600,
  }),
);

const YEAR_MIN = 1900;
const YEAR_MAX = 2199;
const CHARS_MAX = 100;

/** As nearly all RSS writes it; the forms below take longer to tell. */
const RFC_822 = /^[A-Z][a-z]{2}, (\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) (GMT|[+-]\d{4})$/;
const ISO =
  /^([+-]?\d{4})-?(\d{2})(?:-?(\d{2}))?(?:(?:[T_]|\s+|\s*T\s*)(\d{1,2}):?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?)?\s*(.*)$/i;
const ISO_LOOSE =
  /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:(?:T|\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?\s*(.*)$/i;
const MAIL =
  /^(?:\p{L}+\.?\s*,?\s*)?(\d{1,2})(?:st|nd|rd|th|º|\.)?[\s.,/-]*(?:de\s+)?(\p{L}+)[\s.,/-]*(?:de\s+)?(\d{2,4})(?:[\s,T]+(?:at\s+)?(\d{1,2})[:.]?(\d{1,2})(?:[:.](\d{1,2})(?:[.,](\d+))?)?)?\s*(.*)$/iu;
const MONTH_FIRST =
  /^(?:\p{L}+\.?\s*,?\s+)?(\p{L}{3,})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?:[\s,]+(?:at\s+)?(\d{1,2}):(\d{2})(?::(\d{2}))?)?\s*(.*)$/iu;
/** As `date` and `asctime` print it: `Thu Jan 1 00:00:00 UTC 2004`. */
const ASCTIME =
  /^(?:\p{L}+,?\s+)?(\p{L}{3,})\s+(\d{1,2})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:([a-z]+|[+-]\d{2}:?\d{2})\s+)?(\d{4})$/iu;
const SLASHED = /^(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?:[\s,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\s*(.*)$/;
const EPOCH = /^(\d{9,10}|\d{12,13})(?:\.\d+)?$/;

/** Milliseconds since 1970, or null for what is no date between 1900 and 2199. */
export function parseDate(input: string): number | null {
  const text = input.trim();
  if (text.length === 0 || text.length > CHARS_MAX) return null;
  const usual = RFC_822.exec(text);
  if (usual !== null) {
    return assemble(
      Number(usual[3]),
      MONTHS.get((usual[2] ?? '').toLowerCase()) ?? -1,
      Number(usual[1]),
      usual[4],
      usual[5],
      usual[6],
      undefined,
      usual[7],
    );
  }
  const first = text.charCodeAt(0);
  if (first >= 48 && first <= 57) return epoch(text) ?? iso(text) ?? mail(text) ?? slashed(text);
  return mail(text) ?? monthFirst(text) ?? asctime(text);
}

function iso(text: string): number | null {
  const m = ISO.exec(text) ?? ISO_LOOSE.exec(text);
  if (m === null) return null;
  return assemble(Number(m[1]), Number(m[2]) - 1, Number(m[3] ?? 1), m[4], m[5], m[6], m[7], m[8]);
}

function mail(text: string): number | null {
  const m = MAIL.exec(text);
  if (m === null) return null;
  return assemble(fullYear(m[3] ?? ''), monthOf(m[2] ?? ''), Number(m[1]), m[4], m[5], m[6], m[7], m[8]);
}

function monthFirst(text: string): number | null {
  const m = MONTH_FIRST.exec(text);
  if (m === null) return null;
  return assemble(Number(m[3]), monthOf(m[1] ?? ''), Number(m[2]), m[4], m[5], m[6], undefined, m[7]);
}

function asctime(text: string): number | null {
  const m = ASCTIME.exec(text);
  if (m === null) return null;
  return assemble(Number(m[7]), monthOf(m[1] ?? ''), Number(m[2]), m[3], m[4], m[5], undefined, m[6]);
}

/** `31/12/2004`: day first, unless that cannot be. */
function slashed(text: string): number | null {
  const m = SLASHED.exec(text);
  if (m === null) return null;
  const a = Number(m[1]);
  const b = Number(m[2]);
  const monthIsFirst = b > 12 && a <= 12;
  return assemble(Number(m[3]), (monthIsFirst ? a : b) - 1, monthIsFirst ? b : a, m[4], m[5], m[6], undefined, m[7]);
}

/** Seconds or milliseconds since 1970. */
function epoch(text: string): number | null {
  const m = EPOCH.exec(text);
  if (m === null) return null;
  const digits = m[1] ?? '';
  return digits.length <= 10 ? Math.round(Number(text) * 1000) : Math.trunc(Number(text));
}

function assemble(
  year: number,
  month: number,
  day: number,
  hour: string | undefined,
  minute: string | undefined,
  second: string | undefined,
  fraction: string | undefined,
  rest: string | undefined,
): number | null {
  let h = Number(hour ?? 0);
  const min = Number(minute ?? 0);
  const s = Math.min(Number(second ?? 0), 59);
  if (!(year >= YEAR_MIN && year <= YEAR_MAX) || !(month >= 0 && month <= 11) || min > 59) return null;
  if (day < 1 || day > daysIn(year, month) || h > 24 || (h === 24 && min > 0)) return null;
  let zoneText = (rest ?? '').trim();
  const half = /^([ap])\.?m\b\.?\s*/i.exec(zoneText);
  if (half !== null && h >= 1 && h <= 12) {
    h = (h % 12) + (half[1]?.toLowerCase() === 'p' ? 12 : 0);
    zoneText = zoneText.slice(half[0].length);
  }
  const zone = zoneMinutes(zoneText);
  if (zone === null) return null;
  const ms = fraction === undefined ? 0 : Math.trunc(Number(`0.${fraction}`) * 1000);
  return Date.UTC(year, month, day, h, min, s, ms) - zone * 60_000;
}

/** Minutes east of Greenwich; an unknown name counts as UTC, as RFC 2822 section 4.3 asks; null: not a zone at all. */
function zoneMinutes(text: string): number | null {
  if (text === '' || text === 'Z' || text === 'GMT' || text === '+0000') return 0;
  const offset = /^(?:gmt|utc?|z)?\s*([+-])\s*(\d{1,2}):?(\d{2})?(?::?\d{2})?\b/i.exec(text);
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3] ?? 0);
    if (minutes > 18 * 60) return 0;
    return offset[1] === '-' ? -minutes : minutes;
  }
  const name = /^\(?([a-z]+)\b/i.exec(text);
  if (name !== null) return ZONES.get((name[1] ?? '').toLowerCase()) ?? 0;
  return /^[([]/.test(text) ? 0 : null;
}

function monthOf(name: string): number {
  const english = MONTHS.get(name.slice(0, 3).toLowerCase());
  if (english !== undefined) return english;
  const plain = name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  // French: juin, juillet.
  if (plain.startsWith('jui')) return plain.startsWith('juil') ? 6 : 5;
  return (
    MONTHS.get(plain.slice(0, 3).normalize('NFC')) ?? MONTHS.get(plain.slice(0, 4).normalize('NFC').slice(0, 3)) ?? -1
  );
}

/** RFC 2822 section 4.3: 00-49 are 2000-2049, 50-99 and three digits count from 1900. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits.length === 3 ? 1900 + year : year;
}

function daysIn(year: number, month: number): number {
  if (month !== 1) return month === 3 || month === 5 || month === 8 || month === 10 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}
