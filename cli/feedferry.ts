#!/usr/bin/env node
import { keepCompiledCode } from './code-cache.ts';

// Before anything else is loaded.
keepCompiledCode(process.env);
await import('./main.ts');
