import tseslint from 'typescript-eslint';

/** House rules that a program can check. Each rule that needs a reason has it beside it. */
export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'eslint.config.js', '.dependency-cruiser.cjs'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'no-console': 'error', // output goes through the log room
      eqeqeq: 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'named exports only: a name is searched for' },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': 'error', // a new kind must be handled everywhere
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }], // numbers in messages are fine
      '@typescript-eslint/consistent-type-definitions': 'off', // `type` throughout
      '@typescript-eslint/no-confusing-void-expression': 'off', // arrows that end in a call read well
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }], // `for (;;)` and retries
      '@typescript-eslint/unbound-method': 'off', // our objects are closures; none of their functions needs `this`
      '@typescript-eslint/no-unused-vars': ['error', { ignoreUsingDeclarations: true }], // a held lock is used by being held
      '@typescript-eslint/unified-signatures': 'off',
    },
  },
  {
    files: ['**/*.test.ts', 'test/**', 'bench/**', 'build/**'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: ['test'], package: 'tap' }] },
      ],
      '@typescript-eslint/require-await': 'off', // tap waits for t.end() of a test that returns no promise
    },
  },
);
