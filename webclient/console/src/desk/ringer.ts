/** The desk's ring: two soft tones, made here, so that no sound file is needed. */

const TONES_HZ = [880, 660];
const TONE_S = 0.22;
const EVERY_MS = 2500;

/** Ring until the returned function is called. */
export function ring(): () => void {
  const context = new AudioContext();
  const strike = () => TONES_HZ.forEach((hz, index) => tone(context, hz, context.currentTime + index * TONE_S));
  strike();
  const timer = setInterval(strike, EVERY_MS);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

function tone(context: AudioContext, hz: number, at: number): void {
  const oscillator = new OscillatorNode(context, { frequency: hz });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.001, at + TONE_S);
  oscillator.connect(volume).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + TONE_S);
}
