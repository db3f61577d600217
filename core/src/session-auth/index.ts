export { helloBytes, signHello, verifyHello } from "./hello.ts";
export { ticketSigner, verifyTicket, type LayerTicketClaim, type TicketSigner } from "./layer-ticket.ts";
