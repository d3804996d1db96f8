// An OpenID Connect provider on loopback: `oidc-provider`, with people whose decisions come over HTTP and, for each of them,
// faults that a real provider has on bad days.
//
// usage: node server.mjs MODULES CONFIG
//
// MODULES is the folder with `node_modules`, as `npm ci` makes it. CONFIG is JSON: certificate and key (files), clients (ids),
// idTokenSeconds, codeSeconds, withoutDeviceGrant, withoutRevocation. When it listens, it prints its issuer as a line. It ends
// when its standard input does.
//
//   POST /test/decide  {"code", "user"}: the person approves the code; without a user it is denied
//   POST /test/token   {"user", "client"}: an ID token without a login
//   POST /test/faults  {"user" or "client", "faults"}: what goes wrong from now on, see below
//   GET  /test/counts  answers by path and status

import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// Standard output has the issuer and nothing else: nobody reads on.
console.log = console.info = console.error;

const [modules, text] = process.argv.slice(2);
const config = JSON.parse(text);
const load = (path) => import(pathToFileURL(join(modules, 'node_modules', path)));
const { Provider } = await load('oidc-provider/lib/index.js');
const jose = await load('jose/dist/webapi/index.js');

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const newKey = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const [key, forgery] = [newKey(), newKey()];
// Faults by person or client: status, times (answers of the token endpoint that fail), claims (of the ID token, over the
// right ones), forged (the ID token is signed by somebody else), omit (members of the answer).
const faults = new Map();
const counts = new Map();
const challenges = new Map();

const sign = (claims, signer = key) =>
  new jose.SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'test', typ: 'JWT' }).sign(signer);

const server = createServer({ cert: readFileSync(config.certificate), key: readFileSync(config.key) });
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `https://127.0.0.1:${server.address().port}`;

const person = (user) => ({
  sub: user,
  email: `${user}@example.com`,
  email_verified: true,
  name: user,
});

const provider = new Provider(issuer, {
  clients: config.clients.map((id) => ({
    client_id: id,
    token_endpoint_auth_method: 'none',
    grant_types: [DEVICE_CODE, 'refresh_token'],
    response_types: [],
    redirect_uris: [],
  })),
  jwks: { keys: [{ ...key.export({ format: 'jwk' }), kid: 'test', alg: 'RS256', use: 'sig' }] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  conformIdTokenClaims: false,
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: !config.withoutDeviceGrant },
    revocation: { enabled: !config.withoutRevocation },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => person(id) }),
  ttl: { DeviceCode: config.codeSeconds ?? 600, IdToken: config.idTokenSeconds ?? 3600 },
});

async function decide({ code: userCode, user }) {
  const code = await provider.DeviceCode.findByUserCode(userCode.replace(/\W/g, ''));
  if (!code) return false;
  if (user) {
    const grant = new provider.Grant({ accountId: user, clientId: code.clientId });
    grant.addOIDCScope(code.params.scope);
    Object.assign(code, {
      accountId: user,
      authTime: Math.floor(Date.now() / 1000),
      grantId: await grant.save(),
      scope: code.params.scope,
    });
  } else {
    Object.assign(code, { error: 'access_denied', errorDescription: 'the person said no' });
  }
  await code.save();
  return true;
}

// Whoever asks for the token must be whoever began: the provider itself looks at that for other grants only.
function proven({ device_code: code, code_verifier: verifier }) {
  return createHash('sha256').update(verifier ?? '').digest('base64url') === challenges.get(code);
}

async function token(ctx, next, form) {
  const failing = faults.get(form.client_id);
  if (failing?.times > 0) {
    failing.times -= 1;
    ctx.status = failing.status;
    ctx.body = failing.status === 400 ? { error: 'slow_down' } : 'not now';
    return;
  }
  if (form.grant_type === DEVICE_CODE && !proven(form)) {
    ctx.status = 400;
    ctx.body = { error: 'invalid_request', error_description: 'the code_verifier does not match' };
    return;
  }
  await next();
  if (!ctx.body?.id_token) return;
  const claims = jose.decodeJwt(ctx.body.id_token);
  const fault = faults.get(claims.sub);
  if (fault?.claims || fault?.forged) {
    ctx.body.id_token = await sign({ ...claims, ...fault.claims }, fault.forged ? forgery : key);
  }
  for (const member of fault?.omit ?? []) delete ctx.body[member];
}

async function test(ctx, asked) {
  if (ctx.path === '/test/decide') {
    ctx.status = (await decide(asked)) ? 204 : 404;
  } else if (ctx.path === '/test/token') {
    const now = Math.floor(Date.now() / 1000);
    ctx.body = await sign({ ...person(asked.user), iss: issuer, aud: asked.client, iat: now, exp: now + 600 });
  } else if (ctx.path === '/test/faults') {
    faults.set(asked.user ?? asked.client, asked.faults);
    ctx.status = 204;
  } else if (ctx.path === '/test/counts') {
    ctx.body = Object.fromEntries(counts);
  }
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

provider.use(async (ctx, next) => {
  const sent = ctx.method === 'POST' ? await body(ctx.req) : '';
  if (ctx.path.startsWith('/test/')) return test(ctx, sent ? JSON.parse(sent) : {});
  const form = Object.fromEntries(new URLSearchParams(sent));
  // Where the provider finds a body that has been read.
  ctx.req.body = form;
  await (ctx.path === '/token' ? token(ctx, next, form) : next());
  if (ctx.path === '/device/auth' && ctx.body?.device_code) {
    ctx.body.interval = 1;
    challenges.set(ctx.body.device_code, form.code_challenge);
  }
  const answer = `${ctx.path} ${ctx.status}`;
  counts.set(answer, (counts.get(answer) ?? 0) + 1);
});

server.on('request', provider.callback());
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
process.stdout.write(`${issuer}\n`);
