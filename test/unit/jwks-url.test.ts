import { jwksUrlProblem } from '../../src/config/config';

describe('the address of the key provider', () => {
  test.each([
    'https://sso.example.com/certs',
    'http://localhost:8080/certs',
    'http://127.0.0.1/certs',
    'http://[::1]:80/certs',
  ])('may be %s', (address) => {
    expect(jwksUrlProblem(address)).toBeUndefined();
  });

  test.each([
    'http://sso.example.com/certs',
    'http://127.0.0.1.example.com/certs',
    'http://localhost.example.com/certs',
    'https://user:password@sso.example.com/certs',
    'file:///etc/keys.json',
    'sso.example.com/certs',
    '',
  ])('may not be %p', (address) => {
    expect(jwksUrlProblem(address)).toMatch(/^must /);
  });
});
