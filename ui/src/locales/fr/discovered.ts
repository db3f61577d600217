import type { Messages } from "../en/index.ts";

export const discovered: Pick<Messages, "discovered"> = {
  discovered: {
    title: "Projets découverts",
    text: "Les projets compose qui tournent sur vos hôtes et que WindFlow n’a pas faits. On n’y touche pas tant que vous ne les adoptez pas.",
    filter: "Filtrer par nom",
    none: "Aucun projet compose étranger",
    noneText:
      "Quand quelqu’un lance docker compose up à la main sur un hôte, le projet apparaît ici. L’adopter en fait une stack sans redémarrer un conteneur.",
    noMatch: "Aucun projet ne porte ce nom",
    here: "1 projet compose de cet hôte n’a pas été fait par WindFlow. | {count} projets compose de cet hôte n’ont pas été faits par WindFlow.",
    see: "Voir et adopter",
    columns: { name: "Projet", host: "Hôte", services: "Services", running: "En marche", folder: "Dossier" },
    runningOf: "{running} sur {total}",
    adopt: "Adopter {name}",
    intro:
      "WindFlow a lu les conteneurs et écrit le fichier compose qui leur correspond. Vérifiez-le, ou remplacez-le par les fichiers du projet. L’adoption ne redémarre rien : conteneurs, volumes et réseaux restent tels quels.",
    folder: "Dossier sur l’hôte",
    configFiles: "Fichiers compose sur l’hôte",
    composeVersion: "Fait par docker compose {version}",
    notes: "Ce que le moteur ne dit plus",
    source: "Le fichier compose de la stack",
    reconstructed: "Reconstitué",
    edited: "Vos fichiers",
    reset: "Revenir à la reconstitution",
    review: "Ce qui changerait",
    reviewText: "La stack telle qu’elle est écrite, comparée à ce qui tourne sur {host}. Rien ne s’est encore passé.",
    nothing: "Rien ne changerait",
    nothingText: "Les conteneurs sont déjà ce que disent les fichiers. L’adoption les confie seulement à WindFlow.",
    differs: "Les fichiers diffèrent de ce qui tourne",
    differsText:
      "Adopter avec ces fichiers exécuterait les étapes ci-dessous. Pour ne rien changer, revenez en arrière et accordez les fichiers.",
    accept: "Exécuter ces étapes lors de l’adoption",
    stackName: "Nom de la stack",
    nameTaken: "Une stack nommée {name} existe déjà ; choisissez un autre nom. Sur l’hôte, le projet garde le sien.",
    nameHint: "Sur l’hôte, le projet compose garde son nom {project}.",
    action: "Adopter",
    adopted: "{name} est adoptée",
    adoptedText: "Aucun conteneur n’a été redémarré.",
  },
};
