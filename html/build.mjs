/*
 * Builds the dashboard into dist/: index.html and assets/ with content
 * hashes in the names, so that everything under assets/ may be cached for
 * ever and index.html never.
 *
 *   node build.mjs           one build
 *   node build.mjs --watch   builds again on each change, with source maps
 *
 * The code is written as for React 19 and built with Preact's compat layer;
 * the alias below is the only place that knows.
 */

import { createHash } from 'node:crypto';
import { build, context } from 'esbuild';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
const watch = process.argv.includes('--watch');

/* first load, gzipped script; the build fails when it grows beyond */
const SCRIPT_LIMIT = 120 * 1024;


function page(template, outputs) {
    const found = (pattern) => {
        const name = Object.keys(outputs).find((o) => pattern.test(o));

        if (name === undefined) {
            throw new Error(`the build made nothing like ${pattern}`);
        }

        return '/' + name.replace(/^dist\//, '');
    };

    const places = {
        boot: found(/assets\/boot-[^/]*\.js$/),
        script: found(/assets\/main-[^/]*\.js$/),
        style: found(/assets\/main-[^/]*\.css$/),
        font: found(/assets\/instrument-sans-latin-wght[^/]*\.woff2$/),
        icon: found(/assets\/icon-[^/]*\.svg$/),
        icon192: found(/assets\/icon192-[^/]*\.png$/),
        icon512: found(/assets\/icon512-[^/]*\.png$/),
    };

    return template.replace(/%(\w+)%/g, (whole, key) => places[key] ?? whole);
}


/*
 * The service worker, with the list of what the shell needs.  Its name has no
 * hash: browsers know it by its address.
 */
async function worker(outputs) {
    const files = [...firstLoad(outputs), ...Object.keys(outputs)
        .filter((n) => /\/(main-[^/]*\.css|icon-[^/]*\.svg|instrument-sans-latin-wght[^/]*)$/
            .test(n)).map((n) => n.replace(/^.*\//, '')),
        ...Object.keys(booted.metafile.outputs)
            .map((n) => n.replace(/^.*\//, ''))]
        .map((n) => `/assets/${n}`).sort();
    const index = await readFile(join(dist, 'index.html'));

    await build({
        ...options,
        entryPoints: { sw: 'src/sw.ts' },
        entryNames: '[name]',
        splitting: false,
        format: 'iife',
        plugins: [],
        logLevel: 'warning',
        define: {
            ...options.define,
            HERALD_FILES: JSON.stringify(files),
            HERALD_BUILD: JSON.stringify(createHash('sha256')
                .update(index).update(files.join()).digest('hex')
                .slice(0, 12)),
        },
    });
}


/* what a page asks for before anything is clicked: the entry, what it imports,
 * and the English texts */
function firstLoad(outputs) {
    const seen = new Set();
    const walk = (name) => {
        if (!seen.has(name)) {
            seen.add(name);
            outputs[name].imports
                .filter((i) => i.kind === 'import-statement' && !i.external)
                .forEach((i) => walk(i.path));
        }
    };

    for (const [name, o] of Object.entries(outputs)) {
        if (o.entryPoint === 'src/main.tsx'
            || o.entryPoint === 'src/text/en/index.ts'
            || o.entryPoint === 'src/views/home.tsx')
        {
            walk(name);
        }
    }

    return new Set([...seen].map((n) => n.replace(/^.*\//, '')));
}


async function report(outputs) {
    const first = firstLoad(outputs);
    let script = 0;

    for (const name of (await readdir(join(dist, 'assets'))).sort()) {
        const bytes = await readFile(join(dist, 'assets', name));
        const gz = gzipSync(bytes, { level: 9 }).length;

        if (name.endsWith('.js') && (first.has(name)
                                     || name.startsWith('boot-')))
        {
            script += gz;
        }

        if (gz > 8192 && /\.(js|css)$/.test(name)) {
            console.log(`${name}  ${bytes.length} B  ${gz} B gzipped`);
        }
    }

    console.log(`script on first load: ${(script / 1024).toFixed(1)} kB`);

    if (script > SCRIPT_LIMIT && !watch) {
        throw new Error(`more than ${SCRIPT_LIMIT / 1024} kB of script`);
    }
}


const finish = {
    name: 'page',
    setup(b) {
        b.onEnd(async (result) => {
            if (result.errors.length) {
                return;
            }

            const template = await readFile(join(here, 'src/index.html'),
                                            'utf8');
            await mkdir(dist, { recursive: true });
            await writeFile(join(dist, 'index.html'),
                            page(template, { ...result.metafile.outputs,
                                             ...booted.metafile.outputs }));
            await writeFile(join(dist, 'manifest.json'),
                            page(await readFile(
                                join(here, 'src/assets/manifest.json'),
                                'utf8'), { ...result.metafile.outputs,
                                           ...booted.metafile.outputs }));
            await worker(result.metafile.outputs);
            await report(result.metafile.outputs);
        });
    },
};


const options = {
    absWorkingDir: here,
    entryPoints: {
        main: 'src/main.tsx',
        icon: 'src/assets/icon.svg',
        icon192: 'src/assets/icon-192.png',
        icon512: 'src/assets/icon-512.png',
    },
    /* views and languages are loaded when they are wanted */
    splitting: true,
    chunkNames: 'assets/[name]-[hash]',
    outdir: 'dist',
    entryNames: 'assets/[name]-[hash]',
    assetNames: 'assets/[name]-[hash]',
    bundle: true,
    format: 'esm',
    target: ['chrome123', 'firefox121', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'react',
    alias: {
        'react': 'preact/compat',
        'react-dom': 'preact/compat',
        'react/jsx-runtime': 'preact/jsx-runtime',
    },
    conditions: ['browser'],
    define: {
        'process.env.NODE_ENV': watch ? '"development"' : '"production"',
    },
    loader: { '.woff2': 'file', '.svg': 'copy', '.png': 'copy' },
    minify: !watch,
    sourcemap: watch,
    legalComments: 'none',
    metafile: true,
    logLevel: 'info',
    plugins: [finish],
};

/* a classic script, so that it runs before the first paint: no imports */
const boot = {
    ...options,
    entryPoints: { boot: 'src/boot.ts' },
    splitting: false,
    format: 'iife',
    plugins: [],
};

await rm(dist, { recursive: true, force: true });

const booted = await build(boot);

if (watch) {
    const ctx = await context(options);
    await ctx.watch();
} else {
    await build(options);
}
