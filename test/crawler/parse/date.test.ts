import t from 'tap';
import { parseDate } from '../../../crawler/parse/date.ts';

/** One row a date: as a feed writes it, and what it means (null: not a date). */
const ROWS: readonly (readonly [string, string | null])[] = [
  // RFC 822 and 2822.
  ['Mon, 18 Nov 2019 19:19:26 +0000', '2019-11-18T19:19:26Z'],
  ['18 Nov 2019 19:19 GMT', '2019-11-18T19:19:00Z'],
  ['Thu, 01 Jan 04 19:48:21 GMT', '2004-01-01T19:48:21Z'],
  ['Thu, 01 Jan 98 19:48:21 GMT', '1998-01-01T19:48:21Z'],
  ['Sat, 07 Sep 2002 00:00:01 EST', '2002-09-07T05:00:01Z'],
  ['Sat, 07 Sep 2002 00:00:01 PDT', '2002-09-07T07:00:01Z'],
  ['Sat, 07 Sep 2002 00:00:01 Z', '2002-09-07T00:00:01Z'],
  ['Sat, 07 Sep 2002 00:00:01 XYZ', '2002-09-07T00:00:01Z'],
  ['Tue, 10 Mar 2020 24:00:00 GMT', '2020-03-11T00:00:00Z'],
  ['Sat, 31 Dec 2016 23:59:60 GMT', '2016-12-31T23:59:59Z'],
  // RFC 3339 and ISO 8601.
  ['2003-12-31T10:14:55Z', '2003-12-31T10:14:55Z'],
  ['2003-12-31T10:14:55.123456-08:00', '2003-12-31T18:14:55.123Z'],
  ['2003-12-31t10:14:55z', '2003-12-31T10:14:55Z'],
  ['2003-12-31T10:14+0530', '2003-12-31T04:44:00Z'],
  ['20031231T101455Z', '2003-12-31T10:14:55Z'],
  ['2003-12-31', '2003-12-31T00:00:00Z'],
  ['2003-12', '2003-12-01T00:00:00Z'],
  ['2003-12-31 10:14:55', '2003-12-31T10:14:55Z'],
  // Broken in known ways.
  ['Wed, 15 Jun 2016 18:30:00 GMT+02:00', '2016-06-15T16:30:00Z'],
  ['Fri , 13 Mar 2020 06:00:00 +0100 (CET)', '2020-03-13T05:00:00Z'],
  ['03 Apr 02 1500 GMT', '2002-04-03T15:00:00Z'],
  ['Wednesday, 15 June 2016 18:30:00', '2016-06-15T18:30:00Z'],
  ['Thu, 5 Jul 2012 10:00:00 PM PDT', '2012-07-06T05:00:00Z'],
  ['January 5, 2019 at 3:04 PM', '2019-01-05T15:04:00Z'],
  ['Thu Jan  1 00:00:00 UTC 2004', '2004-01-01T00:00:00Z'],
  ['10-Mar-2020 08:00:00', '2020-03-10T08:00:00Z'],
  ['2020/03/13 06:00:00', '2020-03-13T06:00:00Z'],
  ['2020-3-1T1:02', '2020-03-01T01:02:00Z'],
  ['31/12/2004 10:00', '2004-12-31T10:00:00Z'],
  ['12/31/2004', '2004-12-31T00:00:00Z'],
  ['2018-09-24T19:42:40.000+0000', '2018-09-24T19:42:40Z'],
  ['Fri, 13 Mar 2020 06:00:00 America/New_York', '2020-03-13T06:00:00Z'],
  ['  Mon, 18 Nov 2019\n 19:19:26 +0000 ', '2019-11-18T19:19:26Z'],
  // In the publisher's language.
  ['Seg, 24 Set 2018 19:42:40 -0300', '2018-09-24T22:42:40Z'],
  ['24 de septiembre de 2018', '2018-09-24T00:00:00Z'],
  ['vendredi 3 août 2018 10:00', '2018-08-03T10:00:00Z'],
  ['3 juil. 2018 10:00:00 +0200', '2018-07-03T08:00:00Z'],
  ['3. März 2019', '2019-03-03T00:00:00Z'],
  ['12 января 2020 10:00', '2020-01-12T10:00:00Z'],
  // Seconds and milliseconds since 1970.
  ['1577836800', '2020-01-01T00:00:00Z'],
  ['1577836800123', '2020-01-01T00:00:00.123Z'],
  // Nonsense.
  ['', null],
  ['nonsense', null],
  ['yesterday', null],
  ['13:00', null],
  ['2003', null],
  ['0000-00-00 00:00:00', null],
  ['0001-01-01T00:00:00Z', null],
  ['Sun, 29 Feb 2021 10:00:00 GMT', null],
  ['Tue, 10 Mar 2020 25:00:00 GMT', null],
  ['Tue, 10 Foo 2020 12:00:00 GMT', null],
  ['2020-13-01', null],
  ['99999999999999999999', null],
];

t.test('dates mean what their publishers meant', async (t) => {
  for (const [text, wanted] of ROWS) {
    const got = parseDate(text);
    t.equal(got, wanted === null ? null : Date.parse(wanted), `${JSON.stringify(text)} is ${wanted}`);
  }
});

t.test('every date that JavaScript prints is read back', async (t) => {
  for (let ms = Date.UTC(1970, 0, 1); ms < Date.UTC(2100, 0, 1); ms += 123_456_789_000) {
    t.equal(parseDate(new Date(ms).toISOString()), ms);
    t.equal(parseDate(new Date(ms).toUTCString()), ms);
  }
});
