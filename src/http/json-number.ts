/** What becomes of a number literal that is read as a double and written again; undefined: nothing worth a word. */
export function changeOfNumber(
  literal: string,
): { constraint: 'range' | 'precision'; message: string } | undefined {
  const read = Number(literal);
  if (Number.isSafeInteger(read) && read !== 0) return undefined;
  if (!Number.isFinite(read)) {
    return { constraint: 'range', message: 'is a number too large to be kept' };
  }
  const sent = decimal(literal);
  if (read === 0) {
    if (sent.digits === '') return undefined;
    return { constraint: 'range', message: 'is a number too close to zero to be kept' };
  }
  // The digits behind the point are rounded, as everywhere; whole numbers are often identifiers.
  if (sent.exponent < 0) return undefined;
  // What counts is what goes out again: 2^60 is a double, but one that is written 1152921504606847000.
  const kept = decimal(String(read));
  if (kept.digits === sent.digits && kept.exponent === sent.exponent) return undefined;
  return {
    constraint: 'precision',
    message: `is a whole number that would change to ${read} when kept; send it as a text`,
  };
}

/** A number literal without the freedom of writing: significant digits, and the power of ten they are counted in. */
function decimal(literal: string): { digits: string; exponent: number } {
  const [mantissa = '', power = '0'] = literal.replace(/^-/, '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const significant = (whole + fraction).replace(/^0+/, '');
  const digits = significant.replace(/0+$/, '');
  return { digits, exponent: Number(power) - fraction.length + significant.length - digits.length };
}
