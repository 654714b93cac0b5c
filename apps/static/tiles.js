// Tiles of the viewer: images of one address each, fetched on demand.

const MAX_TILES = 160; // in memory
const MAX_REQUESTS = 4; // at a time

// Fetches tiles, the visible ones first, and keeps the most recent ones.
export class Tiles {
  constructor(onLoaded) {
    this.onLoaded = onLoaded;
    this.images = new Map(); // by address, the least recently used first
    this.running = new Set();
    this.failed = new Set();
    this.wanted = [];
  }

  find(address) {
    const image = this.images.get(address);
    if (image) {
      this.images.delete(address);
      this.images.set(address, image);
    }
    return image;
  }

  // Replace the list of tiles to fetch: those that left the screen are not fetched any more.
  want(addresses) {
    this.wanted = addresses;
    this.fetchNext();
  }

  fetchNext() {
    while (this.running.size < MAX_REQUESTS && this.wanted.length) {
      const address = this.wanted.shift();
      if (this.images.has(address) || this.running.has(address) || this.failed.has(address)) {
        continue;
      }
      this.running.add(address);
      const image = new Image();
      image.src = address;
      image.decode().then(
        () => this.images.set(address, image),
        () => this.failed.add(address),
      ).finally(() => {
        this.running.delete(address);
        while (this.images.size > MAX_TILES) {
          this.images.delete(this.images.keys().next().value);
        }
        this.onLoaded();
      });
    }
  }

  get isBusy() {
    return this.running.size > 0 || this.wanted.length > 0;
  }
}
