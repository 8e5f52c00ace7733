"""What a video element shows: its mean colour, and whose picture that is."""

from playwright.async_api import Locator

COLOUR = """(video) => {
  if (!video.videoWidth) return [0, 0, 0];
  const canvas = document.createElement('canvas'); canvas.width = 32; canvas.height = 18;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  pen.drawImage(video, 0, 0, 32, 18);
  const data = pen.getImageData(0, 0, 32, 18).data, sums = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sums[c] += data[i + c];
  return sums.map((sum) => sum / (data.length / 4));
}"""

MOTION = """async (video) => {
  const canvas = document.createElement('canvas'); canvas.width = 160; canvas.height = 90;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  const grab = () => (pen.drawImage(video, 0, 0, 160, 90), pen.getImageData(0, 0, 160, 90).data);
  const before = grab();
  await new Promise((resolve) => setTimeout(resolve, 400));
  const after = grab();
  let sum = 0;
  for (let i = 0; i < after.length; i += 4) sum += Math.abs(after[i] - before[i]);
  return sum / (after.length / 4);
}"""

MOVING = 0.5
"Mean change of the red channel in 0.4 s above which a picture moves."


async def shown_by(video: Locator) -> str:
    """Return whose camera picture it is by its ground: `customer` (red), `desk` (blue), or `nobody`."""
    red, _, blue = await video.evaluate(COLOUR)
    if red > 1.5 * blue and red > 60:
        return "customer"
    return "desk" if blue > 1.5 * red and blue > 60 else "nobody"


async def motion(video: Locator) -> float:
    """Return how much the picture changed in 0.4 s."""
    return float(await video.evaluate(MOTION))
