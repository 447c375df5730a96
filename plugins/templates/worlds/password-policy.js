---
export const password = {
  check(candidate) {
    if (candidate.password.includes('{{name}}')) {
      const message = 'A password does not hold the name of the product.';
      return { tag: 'reject', val: { code: 'too-obvious', message, field: null } };
    }
    return { tag: 'accept' };
  },
};
