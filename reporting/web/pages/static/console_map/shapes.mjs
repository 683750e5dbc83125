// What is worked out of a ward's outline: a place to write its name at, its box, what lies in it.

/** A place for each ward's name: the middle of its largest part's widest line. */
export function inside(geometry) {
  const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  const [, rings] = parts.map((each) => [Math.abs(area(each[0])), each]).sort((a, b) => b[0] - a[0])[0];
  const ys = rings[0].map(([, y]) => y);
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  let best = { wide: -1, at: rings[0][0] };
  for (let n = 1; n < 10; n += 1) {
    const y = low + ((high - low) * n) / 10;
    const cuts = rings.flatMap((ring) => ring.slice(1).flatMap(([x2, y2], i) => {
      const [x1, y1] = ring[i];
      return y1 > y !== y2 > y ? [x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)] : [];
    })).sort((a, b) => a - b);
    for (let i = 0; i + 1 < cuts.length; i += 2) {
      // The middle lines are preferred: a name is read where the ward is high, too.
      const wide = (cuts[i + 1] - cuts[i]) * (1 - Math.abs(n - 5) / 12);
      if (wide > best.wide) best = { wide, at: [(cuts[i] + cuts[i + 1]) / 2, y] };
    }
  }
  return best.at;
}

const area = (ring) => ring.reduce((sum, [x, y], i) => {
  const [nx, ny] = ring[(i + 1) % ring.length];
  return sum + x * ny - nx * y;
}, 0) / 2;

export const boxOf = (geometry) => {
  const points = geometry.coordinates.flat(geometry.type === "Polygon" ? 1 : 2);
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
};

/** Whether a place lies within: near enough to find it on the map. */
export function holds(geometry, [x, y]) {
  const has = (ring) => ring.reduce((within, [x2, y2], i) => {
    const [x1, y1] = ring[(i || ring.length) - 1];
    return y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1) ? !within : within;
  }, false);
  const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  return parts.some(([outer, ...holes]) => has(outer) && !holes.some(has));
}
