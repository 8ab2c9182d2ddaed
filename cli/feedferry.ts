#!/usr/bin/env node
import { keepCompiledCode } from './code-cache.ts';
import { takeHeapFlags } from './heap-flags.ts';

// Before anything else is loaded.
takeHeapFlags(process);
keepCompiledCode(process.env);
await import('./main.ts');
