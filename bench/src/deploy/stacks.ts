/** Compose files that both sides deploy. `version` changes one service's environment, nothing else. */
export interface BenchStack {
  name: string;
  services: number;
  compose(version: number): string;
}

const IDLE = `["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $$!; done"]`;

const single: BenchStack = {
  name: "bench1",
  services: 1,
  compose: (version) => `name: bench1
services:
  web:
    image: wf/nginx:1
    environment:
      RELEASE: "${version}"
    ports: ["18080:80"]
    restart: unless-stopped
`,
};

const REDIS_CHECK = "{test: [CMD, redis-cli, ping], interval: 1s, timeout: 3s, retries: 10}";

// Three levels of depends_on with healthchecks: the shape of a usual web application.
const chain: BenchStack = {
  name: "bench5",
  services: 5,
  compose: (version) => `name: bench5
services:
  database:
    image: wf/redis:1
    volumes: ["database:/data"]
    networks: [inside]
    healthcheck: ${REDIS_CHECK}
    restart: unless-stopped
  cache:
    image: wf/redis:1
    volumes: ["cache:/data"]
    networks: [inside]
    healthcheck: ${REDIS_CHECK}
    restart: unless-stopped
  api:
    image: wf/python:1
    command:
      - python3
      - -u
      - -c
      - |
        import http.server, signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        http.server.HTTPServer(("", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
    environment:
      RELEASE: "${version}"
    networks: [inside]
    depends_on:
      database: {condition: service_healthy}
      cache: {condition: service_healthy}
    healthcheck:
      test: [CMD, python3, -c, "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/')"]
      interval: 1s
      timeout: 3s
      retries: 10
    restart: unless-stopped
  worker:
    image: wf/busybox:1
    command: ${IDLE}
    networks: [inside]
    depends_on:
      database: {condition: service_healthy}
    restart: unless-stopped
  web:
    image: wf/nginx:1
    networks: [inside]
    ports: ["18085:80"]
    depends_on:
      api: {condition: service_healthy}
    restart: unless-stopped
networks:
  inside: {}
volumes:
  database: {}
  cache: {}
`,
};

const wide: BenchStack = {
  name: "bench20",
  services: 20,
  compose: (version) => {
    const services = Array.from({ length: 20 }, (_, index) => {
      const release = index === 0 ? version : 1;
      return `  service${index + 1}:
    image: wf/busybox:1
    command: ${IDLE}
    environment:
      RELEASE: "${release}"
    restart: unless-stopped
`;
    });
    return `name: bench20\nservices:\n${services.join("")}`;
  },
};

export const BENCH_STACKS: readonly BenchStack[] = [single, chain, wide];
