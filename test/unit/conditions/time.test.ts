import fc from 'fast-check';
import { parseTime } from '../../../src/conditions/time';

describe('parseTime', () => {
  it.each([
    ['keeps the one form as it is', '2024-01-01T00:00:00.000Z', '2024-01-01T00:00:00.000Z'],
    ['adds milliseconds to whole seconds', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00.000Z'],
    ['fills up a short fraction', '2024-01-01T00:00:00.5Z', '2024-01-01T00:00:00.500Z'],
    ['cuts a long fraction', '2024-01-01T00:00:00.123999999Z', '2024-01-01T00:00:00.123Z'],
    ['never rounds up', '2024-12-31T23:59:59.9999Z', '2024-12-31T23:59:59.999Z'],
    ['subtracts a positive offset', '2024-01-01T01:30:00+05:30', '2023-12-31T20:00:00.000Z'],
    ['adds a negative offset', '2024-02-28T23:30:00.25-01:00', '2024-02-29T00:30:00.250Z'],
    ['reads the unknown offset as UTC', '2024-01-01T00:00:00-00:00', '2024-01-01T00:00:00.000Z'],
    ['accepts lower-case letters', '2024-01-01t00:00:00z', '2024-01-01T00:00:00.000Z'],
    ['knows leap years', '2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['reads years below 100', '0099-01-01T00:00:00Z', '0099-01-01T00:00:00.000Z'],
  ])('%s', (_behaviour, text, expected) => {
    expect(parseTime(text)).toBe(expected);
  });

  it.each([
    ['month 13', '2024-13-01T00:00:00Z'],
    ['month 0', '2024-00-01T00:00:00Z'],
    ['30 February', '2024-02-30T00:00:00Z'],
    ['29 February of a common year', '2023-02-29T00:00:00Z'],
    ['31 April', '2024-04-31T00:00:00Z'],
    ['hour 24', '2024-01-01T24:00:00Z'],
    ['minute 60', '2024-01-01T00:60:00Z'],
    ['a leap second', '2016-12-31T23:59:60Z'],
    ['a leap second with offset', '2017-01-01T00:59:60+01:00'],
    ['an offset of 24 hours', '2024-01-01T00:00:00+24:00'],
    ['an offset of 60 minutes', '2024-01-01T00:00:00+00:60'],
    ['an offset that leads past year 9999', '9999-12-31T23:59:59-01:00'],
    ['an offset that leads before year 0', '0000-01-01T00:00:00+01:00'],
    ['no offset', '2024-01-01T00:00:00'],
    ['a date alone', '2024-01-01'],
    ['a year of five digits', '12024-01-01T00:00:00Z'],
    ['a fraction without digits', '2024-01-01T00:00:00.Z'],
    ['trailing text', '2024-01-01T00:00:00Z '],
    ['nothing', ''],
  ])('does not accept %s', (_what, text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  it('reads what JavaScript writes, and its own output, unchanged', () => {
    const years = { min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z') };
    fc.assert(
      fc.property(fc.date({ ...years, noInvalidDate: true }), (date) => {
        expect(parseTime(date.toISOString())).toBe(date.toISOString());
      }),
    );
  });

  it('never throws and returns one form only', () => {
    const digits = fc.stringMatching(
      /^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)$/,
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), digits), (text) => {
        expect(parseTime(text) ?? '0000-00-00T00:00:00.000Z').toMatch(
          /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
        );
      }),
      { numRuns: 1000 },
    );
  });
});
