"""Titles of the columns of rosters, in the languages of the platforms.

From Moodle's language packs (core: username, idnumber, email, firstname, lastname, fullname, groups; mod_assign:
recordid, lastmodifiedsubmission), and Canvas's gradebook export (FirstName, LastName).
"""

TITLES: dict[str, tuple[str, ...]] = {
    "username": (
        "Username", "User name", "Anmeldename", "Benutzername", "Nom d'utilisateur", "Nombre de usuario",
        "Nome de utilizador", "Nome de usuário", "Gebruikersnaam", "Användarnamn", "Brugernavn", "Brukernavn",
        "Käyttäjänimi", "Nazwa użytkownika", "Uživatelské jméno", "Логин", "ユーザ名", "用户名",
    ),
    "id number": (
        "ID number", "ID-Nummer", "Matrikelnummer", "Numéro d'identification", "Número de ID", "Número ID",
        "Codice identificativo", "Número de identificação", "Número de identificação (ID)", "ID-nummer",
        "Identifikační číslo", "Numer ID",
    ),
    "email address": (
        "Email address", "E-Mail-Adresse", "Adresse de courriel", "Dirección de correo", "Dirección Email",
        "Indirizzo email", "Endereço de email", "Endereço de e-mail", "E-mailadres", "E-postadress",
        "E-mailadresse", "E-postadresse", "Sähköpostiosoite", "Adres e-mail", "E-mailová adresa",
        "Адрес электронной почты", "メールアドレス", "电子邮件地址",
    ),
    "identifier": (
        "Identifier", "ID", "Identifiant", "Identificador", "Identificatore", "Identifikator",
        "Identyfikator",
    ),
    "first name": (
        "First name", "FirstName", "Vorname", "Prénom", "Nombre", "Nome", "Voornaam", "Förnamn", "Fornavn",
        "Etunimi", "Imię", "Křestní jméno",
    ),
    "last name": (
        "Last name", "LastName", "Surname", "Nachname", "Nom", "Nom de famille", "Apellido(s)", "Apellidos",
        "Cognome", "Apelido", "Sobrenome", "Achternaam", "Efternamn", "Efternavn", "Etternavn", "Sukunimi",
        "Nazwisko", "Příjmení",
    ),
    "full name": (
        "Full name", "Name", "Vollständiger Name", "Nom complet", "Nombre completo", "Nome completo",
        "Volledige naam", "Fullständigt namn", "Fulde navn", "Fullt navn", "Koko nimi", "Pełna nazwa",
        "Celé jméno",
    ),
    "last modified (submission)": (
        "Last modified (submission)", "Zuletzt geändert (Abgabe)", "Dernière modification (travail remis)",
        "Dernière modification (remise)", "Última modificación (entrega)", "Ultima modifica (consegna)",
        "Última atualização (submissão)", "Última modificação (envio)", "Laatst gewijzigd (inzending)",
        "Poslední změna (odevzdání)", "最終更新日時 (提出)", "最后修改（学生）",
    ),
    "groups": (
        "Groups", "Group", "group_name", "Gruppen", "Gruppe", "Groupes", "Groupe", "Grupos", "Grupo",
        "Gruppi", "Gruppo", "Groepen", "Groep",
    ),
}  # fmt: skip
