import 'reflect-metadata'; // first: @peculiar/x509 keeps its parts by it, and asks for it while it is loaded
import { webcrypto } from 'node:crypto';
import { cryptoProvider } from '@peculiar/x509';

/** @peculiar/x509 signs with Node's own WebCrypto. Whoever imports the package imports this file before it. */
cryptoProvider.set(webcrypto);
