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
    };

    return template.replace(/%(\w+)%/g, (whole, key) => places[key] ?? whole);
}


async function report() {
    let script = 0;

    for (const name of (await readdir(join(dist, 'assets'))).sort()) {
        const bytes = await readFile(join(dist, 'assets', name));
        const gz = gzipSync(bytes, { level: 9 }).length;

        if (name.endsWith('.js')) {
            script += gz;
        }

        if (/\.(js|css)$/.test(name)) {
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
                            page(template, result.metafile.outputs));
            await report();
        });
    },
};


const options = {
    absWorkingDir: here,
    entryPoints: {
        main: 'src/main.tsx',
        boot: 'src/boot.ts',
        icon: 'src/assets/icon.svg',
    },
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
    define: {
        'process.env.NODE_ENV': watch ? '"development"' : '"production"',
    },
    loader: { '.woff2': 'file', '.svg': 'copy' },
    minify: !watch,
    sourcemap: watch,
    legalComments: 'none',
    metafile: true,
    logLevel: 'info',
    plugins: [finish],
};

await rm(dist, { recursive: true, force: true });

if (watch) {
    const ctx = await context(options);
    await ctx.watch();
} else {
    await build(options);
}
