/** A file that the server has answered with, saved where the browser saves: no page shows it. */

const KEPT_MS = 60_000; // that a browser may take to begin

/** `bytes` is a Blob. */
export function save({ bytes, name }) {
  const address = URL.createObjectURL(bytes);
  const saver = document.createElement('a');
  Object.assign(saver, { href: address, download: name });
  saver.click();
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}
