---
export const tokenClaims = {
  customize(_context, mint) {
    return JSON.stringify({ department: mint.user.department });
  },
};
