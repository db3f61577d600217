export interface ExampleStack {
  name: string;
  file: string;
  text: string;
}
/** A small stack that shows a dependency, a health check, a volume, a published port and a variable. */
export const HELLO_EXAMPLE: ExampleStack = {
  name: "hello",
  file: "compose.yaml",
  text: `# A web page and a counter that keeps its count.
services:
  web:
    image: nginx:1.29-alpine
    ports:
      - "\${HTTP_PORT:-8080}:80"
    depends_on:
      counter:
        condition: service_healthy
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"]
      interval: 5s
      timeout: 2s
      retries: 3
    restart: unless-stopped

  counter:
    image: redis:8-alpine
    command: ["redis-server", "--appendonly", "yes"]
    volumes:
      - counter:/data
    healthcheck:
      test: ["CMD", "redis-cli", "ping"]
      interval: 5s
      timeout: 2s
      retries: 3
    restart: unless-stopped

volumes:
  counter:
`,
};
export const BLANK_TEXT = `services:
  web:
    image: 
`;
/** Whether nobody has written anything of their own yet. */
export const isBlank = (text: string): boolean => text.trim() === "" || text === BLANK_TEXT;
