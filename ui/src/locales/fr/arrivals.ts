import type { Messages } from "../en/index.ts";

export const arrivals: Pick<Messages, "waiting" | "variants" | "machines"> = {
  waiting: {
    title: "Hôtes qui demandent à entrer",
    text: "Ils se sont enrôlés avec un jeton qui demande une approbation. Rien de secret n’est envoyé à un hôte avant que quelqu’un l’ait fait entrer.",
    badge: "{count} hôte demande à entrer | {count} hôtes demandent à entrer",
    notice: "1 hôte demande à entrer | {number} hôtes demandent à entrer",
    noticeText:
      "Regardez ce qu’il est et quelles étiquettes il demande. | Regardez ce qu’ils sont et quelles étiquettes ils demandent.",
    look: "Le regarder | Les regarder",
    none: "Personne n’attend à la porte",
    noneText:
      "Les hôtes qui s’enrôlent avec un jeton pour plusieurs machines attendent ici que quelqu’un les fasse entrer. Créez un tel jeton sous « Ajouter un hôte », mettez sa ligne dans votre image ou votre playbook, et les machines viennent faire la queue d’elles-mêmes.",
    columns: { host: "Hôte", has: "Aura", asks: "Demande", machine: "Machine", since: "Attend depuis" },
    nothing: "rien",
    chooseAll: "Choisir les {count}",
    chooseNone: "Ne rien choisir",
    choose: "Choisir {name}",
    chosen: "aucun choisi | 1 choisi | {count} choisis",
    accept: "Faire entrer…",
    reject: "Renvoyer…",
    decide: "Décider…",
    machine: "{os} · {arch}",
    approve: {
      title: "Faire entrer 1 hôte ? | Faire entrer {count} hôtes ?",
      text: "Dès lors il fait partie du parc : les stacks dont le placement lui convient lui sont amenées. | Dès lors ils font partie du parc : les stacks dont le placement leur convient leur sont amenées.",
      asked: "Étiquettes qu’il demande | Étiquettes qu’ils demandent",
      askedText:
        "Les étiquettes décident des stacks et des secrets qu’un hôte reçoit. Ne prenez que celles que vous lui auriez données vous-même ; les autres sont oubliées.",
      askedBy: "demandée par 1 hôte | demandée par {count} hôtes",
      all: "Les prendre toutes",
      noneAsked: "Aucun d’eux ne demande d’étiquette.",
      more: "Étiquettes que vous ajoutez",
      moreText: "Chacun des hôtes les reçoit, en plus de celles du jeton.",
      action: "Faire entrer 1 hôte | Faire entrer {count} hôtes",
      done: "1 hôte est entré | {count} hôtes sont entrés",
    },
    rejecting: {
      title: "Renvoyer 1 hôte ? | Renvoyer {count} hôtes ?",
      text: "Son identité est révoquée et oubliée. Ce qui tourne sur lui continue ; pour revenir il doit s’enrôler à nouveau, avec un jeton. | Leurs identités sont révoquées et oubliées. Ce qui tourne sur eux continue ; pour revenir ils doivent s’enrôler à nouveau, avec un jeton.",
      reason: "Pourquoi",
      reasonHint: "C’est écrit dans le journal d’audit.",
      action: "Renvoyer 1 hôte | Renvoyer {count} hôtes",
      done: "1 hôte est renvoyé | {count} hôtes sont renvoyés",
    },
    problems: "1 hôte est resté comme il était | {count} hôtes sont restés comme ils étaient",
  },
  variants: {
    title: "Pour une machine particulière",
    text: "La ligne ci-dessus est pour une machine qui joint directement ce plan de contrôle. Adaptez-la ici pour les autres.",
    proxy: "Proxy",
    proxyHint:
      "La ligne et l’agent passent par lui. Les adresses à joindre sans lui sont lues dans NO_PROXY sur l’hôte.",
    proxyFault: "Une adresse comme http://proxy.example:3128, sans espace ni guillemet.",
    labels: "Étiquettes que la machine se donne",
    labelsHint:
      "Utile dans une image ou un playbook, p. ex. site=metz,line=l2. Les clés que le jeton permet sont prises tout de suite, les autres attendent la personne qui fait entrer l’hôte.",
    labelsFault: "Sous la forme clé=valeur, séparées par des virgules, sans espace ni guillemet.",
    user: "L’agent tourne comme",
    users: { root: "root", own: "son propre utilisateur" },
    userHint: {
      root: "Il peut ce que le moteur lui permet, et lit les chiffres de chaque système de fichiers.",
      own: "L’utilisateur « windflow », du groupe du moteur. Le root de l’hôte reste hors d’atteinte, un shell sur l’hôte aussi.",
    },
  },
  machines: {
    title: "Machines qui ont montré la clé de cet hôte",
    text: "Une clé appartient à une machine. Deux qui montrent la même sont une machine et sa copie : un disque cloné, un instantané restauré, un modèle avec l’état de l’agent dedans. Laquelle est l’hôte ?",
    quiet:
      "Ce qui tourne sur elles continue. Tant qu’il n’est pas dit laquelle est l’hôte, rien n’est envoyé à aucune.",
    columns: {
      bootId: "Id de démarrage",
      from: "Venue de",
      hostname: "Nom d’hôte",
      addresses: "Adresses",
      first: "Vue d’abord",
      last: "Vue en dernier",
      sessions: "Sessions",
    },
    machine: "Machine {number}",
    oldest: "Là depuis le plus longtemps",
    newest: "Apparue en dernier",
    differs: "diffère",
    choose: "L’hôte, c’est elle",
    ask: "La machine {number} est-elle l’hôte {name} ?",
    askText: "Elle garde le nom, l’historique et ce qu’elle doit faire tourner.",
    effects: {
      host: "{hostname} ({from}) continue comme {name}, avec ses stacks.",
      clones:
        "L’autre machine se fait une clé à elle au prochain appel, et devient un hôte à part avec les mêmes étiquettes. | Les {count} autres machines se font des clés à elles au prochain appel, et deviennent des hôtes à part avec les mêmes étiquettes.",
      workloads:
        "Les conteneurs continuent de tourner sur chacune. Les stacks qui suivent des étiquettes viennent aussi sur le nouvel hôte.",
    },
    action: "C’est l’hôte",
    done: "{name} est à nouveau une seule machine",
    doneText: "L’autre machine devient un hôte à part à son prochain appel.",
    decided: {
      host: "L’hôte",
      clone: "Une copie : s’enrôle à neuf au prochain appel",
      enrolled: "Une copie devenue un hôte à part",
    },
    open: "L’ouvrir",
  },
};
