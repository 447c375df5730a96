/** What is wrong with a configuration, one thing each. */
export function complaints(config) {
  const wrong = Object.keys(config).filter((key) => key !== 'contact').map((key) => `${key}: is not known`);
  if (!String(config.contact).includes('@')) wrong.push('contact: must be a mail address');
  return wrong;
}
