import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** The rooms of `src/`, top to bottom: a room imports only from rooms below it. */
const ROOMS = [
  ...['client', 'handlers', 'watch', 'http', 'auth', 'contract', 'specs', 'lists', 'changes'],
  ...['repositories', 'search', 'conditions'],
  ...['postgres', 'embedded', 'telemetry', 'config', 'kinds', 'problems'],
];
/** They are pure, so what is below them is not for them either. */
const PURE = ['search', 'conditions'];

const restrict = (files, regex, message) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ regex, message }] }] },
});

const DIRECTIONS = ROOMS.map((room, level) => {
  const forbidden = [...ROOMS.slice(0, level), ...(PURE.includes(room) ? ['postgres'] : [])];
  const rooms = forbidden.length > 0 ? `|(${forbidden.join('|')})/` : '';
  const message = `${room} imports only from rooms below it (CONTRIBUTING.md).`;
  return restrict([`src/${room}/**/*.ts`], `^\\.\\./([^/]+$${rooms})`, message);
});

const CLIENT_ALONE =
  'The client is used without the server: it imports only its own files and the generated types.';

export default tseslint.config(
  { ignores: ['dist/', 'generated/', 'node_modules/', 'coverage/', 'artifacts/', 'charts/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Express knows an error handler by its four parameters, used or not.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // What the contract marks as deprecated is deprecated for clients; the server has to fill it in.
      '@typescript-eslint/no-deprecated': 'off',
      // Structural stand-ins for Node's and winston's classes are meant.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  { files: ['**/*.{ts,js,mjs}'], rules: { 'max-lines': ['error', { max: 250 }] } },
  { files: ['test/**/*.ts'], rules: { 'max-lines': ['error', { max: 320 }] } },
  ...DIRECTIONS,
  {
    // All that is made for each request is made in these.
    files: ['src/{contract,handlers,http,lists,repositories,watch}/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ObjectExpression > Property[kind="get"]',
          message:
            'V8 gives each object with a getter of its own a hidden class, which keeps alive what the getter refers to until the next full garbage collection. Write a class or a function.',
        },
      ],
    },
  },
  restrict(['src/*.ts'], '^\\./embedded/', 'The embedded PostgreSQL is loaded when it is used.'),
  restrict(['src/client.ts'], '^\\.(?!/client/|\\./generated/openapi$)', CLIENT_ALONE),
  restrict(['src/client/**/*.ts'], '^\\.\\.(?!/\\.\\./generated/openapi$)', CLIENT_ALONE),
  {
    files: ['test/**/*.ts'],
    rules: {
      // supertest's bodies are untyped by nature; assertions give them meaning.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        require: 'readonly',
        module: 'writable',
        exports: 'writable',
        __dirname: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        performance: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        setImmediate: 'readonly',
        AbortController: 'readonly',
        AbortSignal: 'readonly',
      },
    },
  },
);
