// For the engine that has `fetch`.

export { shout } from './tool.js';

export async function visit(url) {
  try {
    const page = await fetch(url, { method: 'POST', headers: { accept: 'text/plain' }, body: 'hello' });
    return await page.text();
  } catch (error) {
    throw `${error.name}: ${error.message}`;
  }
}
