/*
 * How fast a broadcast goes: settled recipients per second over the last ten
 * seconds, and one point per second for the small trace beside the number.
 * Samples come from the event stream and from answers alike.
 */

const WINDOW_MS = 10_000;
const KEEP_MS = 75_000;

interface Sample {
    at: number;
    done: number;
}

const samples = new Map<string, Sample[]>();


export function sample(id: string, done: number, at = performance.now()) {
    const list = samples.get(id) ?? [];
    const last = list[list.length - 1];

    if (last !== undefined && done < last.done) {
        /* an unknown outcome was resolved, or the counting began anew */
        list.length = 0;
    }

    list.push({ at, done });

    while (list.length > 2 && list[0]!.at < at - KEEP_MS) {
        list.shift();
    }

    samples.set(id, list);
}


function doneAt(list: Sample[], at: number): number {
    let before = list[0]!;

    for (const s of list) {
        if (s.at <= at) {
            before = s;
            continue;
        }

        if (before.at === s.at || at < before.at) {
            return before.done;
        }

        return before.done
               + (s.done - before.done) * (at - before.at)
                 / (s.at - before.at);
    }

    return before.done;
}


/* per second; undefined until there is enough to say */
export function speed(id: string): number | undefined {
    const list = samples.get(id);
    const now = performance.now();

    if (list === undefined || list.length < 2 || now - list[0]!.at < 1500) {
        return undefined;
    }

    const from = Math.max(list[0]!.at, now - WINDOW_MS);

    return (list[list.length - 1]!.done - doneAt(list, from))
           / ((now - from) / 1000);
}


/* the last minute, one value per two seconds, oldest first */
export function trace(id: string, points = 30, stepMs = 2000): number[] {
    const list = samples.get(id);
    const now = performance.now();
    const out: number[] = [];

    if (list === undefined || list.length < 2) {
        return out;
    }

    for (let i = points; i > 0; i--) {
        const a = now - i * stepMs;

        if (a + stepMs > list[0]!.at) {
            const from = Math.max(a, list[0]!.at);
            const to = a + stepMs;

            out.push(to - from < stepMs / 4 ? 0
                : (doneAt(list, to) - doneAt(list, from))
                  / ((to - from) / 1000));
        }
    }

    return out;
}
